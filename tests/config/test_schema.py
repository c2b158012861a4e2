"""Tests of the defaults and of the conversion to internal units."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config.addresses import Listen
from gateway.config.schema import Config, Server
from tests.config.samples import SECRET, config


def test_missing_keys_have_their_defaults() -> None:
    loaded = config()

    server = loaded.server
    assert (server.listen, server.admin_listen) == (
        (Listen("127.0.0.1", 8080),),
        Listen("127.0.0.1", 8081),
    )
    assert (server.keepalive, server.lame_duck) == (timedelta(seconds=75), timedelta(seconds=5))
    assert server.public_url == "http://127.0.0.1:8080"
    assert (server.max_body_bytes, server.drain_seconds) == (64_000_000, 30)
    assert server.answer_within == timedelta(seconds=4)
    assert loaded.database.path == Path("var/gateway.db")
    assert (loaded.content.mode, loaded.content.url) == ("cache", "var/content")
    assert (loaded.content.max_bytes, loaded.content.retention) == (20 * 10**9, timedelta(days=30))
    assert loaded.signing_key is None
    assert (loaded.catalog.refresh, loaded.catalog.max_stale) == (
        timedelta(minutes=10),
        timedelta(hours=24),
    )
    assert (loaded.pricing.unpriced, loaded.pricing.unpriced_micros) == ("refuse", 5_000_000)
    assert not loaded.pricing.include_byok
    assert (loaded.budgets, loaded.webhooks, loaded.admin.tokens) == ((), (), ())
    assert sum(loaded.delivery.retries, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert (loaded.delivery.timeout, loaded.delivery.max_in_flight_per_endpoint) == (
        timedelta(seconds=15),
        4,
    )
    assert (loaded.telemetry.log_level, loaded.telemetry.log_format) == ("info", "json")
    assert loaded.telemetry.otlp_endpoint is None


def test_upstreams_and_teams_have_their_defaults() -> None:
    loaded = config()
    upstream, team = loaded.upstreams["openrouter"], loaded.teams["growth"]

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


def test_budgets_and_limits_are_exact_micro_dollars() -> None:
    loaded = config(
        "budgets: [{period: week, limit_usd: 0.052, alerts: [0.1, 1], models: [a/*]}]\n"
        "teams: {growth: {limits: {max_cost_usd: 1.10, max_duration: 8s, max_resolution: 4K}}}\n"
    )

    budget, limits = loaded.budgets[0], loaded.teams["growth"].limits
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

    assert [item.get_secret_value() for item in upstream.webhook_secrets] == [SECRET]
    assert upstream.base_url == "https://a.example/v1"


def test_empty_text_is_null_for_optional_keys() -> None:
    loaded = config("signing_key: ${NOWHERE:-}\ntelemetry: {otlp_endpoint: '${EMPTY}'}\n")

    assert loaded.signing_key is None
    assert loaded.telemetry.otlp_endpoint is None


def test_numbers_and_flags_may_come_from_the_environment() -> None:
    loaded = config(
        "server: {max_body_mb: '${MB}', drain_seconds: ${NOWHERE:-5}}\n"
        "pricing: {include_byok: '${BYOK}', unpriced_usd: ${USD}}\n",
        {"OPENROUTER_API_KEY": "k", "MB": "8", "BYOK": "true", "USD": "0.10"},
    )

    assert (loaded.server.max_body_mb, loaded.server.drain_seconds) == (8, 5)
    assert (loaded.pricing.include_byok, loaded.pricing.unpriced_micros) == (True, 100_000)


def test_the_schema_accepts_python_values() -> None:
    loaded = Config.model_validate(
        {
            "server": {"listen": Listen("127.0.0.1", 0), "answer_within": timedelta(seconds=1)},
            "upstreams": {"a": {"base_url": "http://127.0.0.1:9", "api_key": "k"}},
            "teams": {"t": {"budgets": [{"period": "day", "limit_usd": Decimal("0.5")}]}},
        }
    )

    assert loaded.server.listen[0].port == 0
    assert loaded.teams["t"].budgets[0].limit_micros == 500_000


def test_pydantics_own_error_contains_no_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"signing_key": "canary", "teams": {"canary": 5}})

    assert "input_value" not in str(caught.value)


def test_several_addresses_may_be_listened_on() -> None:
    server = Server.model_validate({"listen": ["127.0.0.1:8080", "[::1]:8080"]})

    assert [str(one) for one in server.listen] == ["127.0.0.1:8080", "[::1]:8080"]
