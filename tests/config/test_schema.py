"""The defaults are those that are promised; the file's words become the inside's units."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config.places import Listen
from gateway.config.schema import Config
from tests.config.samples import SECRET, config


def test_what_is_not_written_has_its_default() -> None:
    made = config()

    server = made.server
    assert (server.listen, server.admin_listen) == (
        Listen("127.0.0.1", 8080),
        Listen("127.0.0.1", 8081),
    )
    assert server.public_url == "http://127.0.0.1:8080"
    assert (server.max_body_bytes, server.drain_seconds) == (64_000_000, 30)
    assert server.answer_within == timedelta(seconds=4)
    assert made.database.path == Path("var/gateway.db")
    assert (made.content.mode, made.content.url) == ("cache", "var/content")
    assert (made.content.max_bytes, made.content.retention) == (20 * 10**9, timedelta(days=30))
    assert made.signing_key is None
    assert (made.catalog.refresh, made.catalog.max_stale) == (
        timedelta(minutes=10),
        timedelta(hours=24),
    )
    assert (made.pricing.unpriced, made.pricing.unpriced_micros) == ("refuse", 5_000_000)
    assert not made.pricing.include_byok
    assert (made.budgets, made.webhooks, made.admin.tokens) == ((), (), ())
    assert sum(made.delivery.retries, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert (made.delivery.timeout, made.delivery.max_in_flight_per_endpoint) == (
        timedelta(seconds=15),
        4,
    )
    assert (made.telemetry.log_level, made.telemetry.log_format) == ("info", "json")
    assert made.telemetry.otlp_endpoint is None


def test_an_upstream_and_a_team_have_their_defaults() -> None:
    made = config()
    upstream, team = made.upstreams["openrouter"], made.teams["growth"]

    timeout = upstream.timeout
    assert (timeout.connect, timeout.submit, timeout.poll, timeout.content_idle) == tuple(
        timedelta(seconds=seconds) for seconds in (5, 60, 15, 30)
    )
    assert (upstream.poll.first, upstream.poll.factor, upstream.poll.max) == (
        timedelta(seconds=5),
        1.5,
        timedelta(seconds=30),
    )
    assert (upstream.unknown_ttl, upstream.zdr) == (timedelta(minutes=15), False)
    assert (team.zdr, team.retain, team.keys) == ("allow", True, ())
    assert (team.models.allow, team.models.deny) == (("*",), ())
    assert team.limits.max_duration is team.limits.max_cost_micros is None
    assert (team.dedupe.enabled, team.dedupe.ttl) == (True, timedelta(hours=24))


def test_a_budget_is_read_in_micro_dollars_and_exact_parts() -> None:
    made = config(
        "budgets: [{period: week, limit_usd: 0.052, alerts: [0.1, 1], models: [a/*]}]\n"
        "teams: {growth: {limits: {max_cost_usd: 1.10, max_duration: 8s, max_resolution: 4K}}}\n"
    )

    budget, limits = made.budgets[0], made.teams["growth"].limits
    assert (budget.limit_micros, budget.models, budget.key) == (52_000, ("a/*",), None)
    assert budget.alerts == (Decimal("0.1"), Decimal(1))
    assert (limits.max_cost_micros, limits.max_duration, limits.max_resolution) == (
        1_100_000,
        8,
        "4K",
    )


def test_empty_webhook_secrets_are_dropped() -> None:
    text = f"""\
        upstreams:
          a:
            base_url: https://a.example/v1/
            api_key: key
            webhook_secrets: ["${{NOWHERE:-}}", {SECRET}, ""]
        """
    upstream = config(text).upstreams["a"]

    assert [one.get_secret_value() for one in upstream.webhook_secrets] == [SECRET]
    assert upstream.base_url == "https://a.example/v1"


def test_empty_text_switches_off_what_may_be_null() -> None:
    made = config("signing_key: ${NOWHERE:-}\ntelemetry: {otlp_endpoint: '${EMPTY}'}\n")

    assert made.signing_key is None
    assert made.telemetry.otlp_endpoint is None


def test_numbers_and_flags_may_come_from_the_environment() -> None:
    made = config(
        "server: {max_body_mb: '${MB}', drain_seconds: ${NOWHERE:-5}}\n"
        "pricing: {include_byok: '${BYOK}', unpriced_usd: ${USD}}\n",
        {"OPENROUTER_API_KEY": "k", "MB": "8", "BYOK": "true", "USD": "0.10"},
    )

    assert (made.server.max_body_mb, made.server.drain_seconds) == (8, 5)
    assert (made.pricing.include_byok, made.pricing.unpriced_micros) == (True, 100_000)


def test_a_configuration_can_be_made_of_python_values() -> None:
    made = Config.model_validate(
        {
            "server": {"listen": Listen("127.0.0.1", 0), "answer_within": timedelta(seconds=1)},
            "upstreams": {"a": {"base_url": "http://127.0.0.1:9", "api_key": "k"}},
            "teams": {"t": {"budgets": [{"period": "day", "limit_usd": Decimal("0.5")}]}},
        }
    )

    assert made.server.listen.port == 0
    assert made.teams["t"].budgets[0].limit_micros == 500_000


def test_not_even_pydantics_own_error_shows_a_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"signing_key": "canary", "teams": {"canary": 5}})

    assert "input_value" not in str(caught.value)
