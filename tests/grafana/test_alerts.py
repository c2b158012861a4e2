"""The alerts: each fires when it should and not before, and says who must do what."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana.prometheus import GRAFANA, promtool, told

RULES: dict[str, Any] = yaml.safe_load((GRAFANA / "alerts.yml").read_text())
ALERTS = {
    rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule
}
OPERATIONS = (GRAFANA.parent / "docs" / "operations.md").read_text()
UP = "up{job='video-gateway', instance='a'}"
G = "video_gateway_"


@dataclass(frozen=True)
class Case:
    """Samples, one a minute, with which the alert fires at `at` (minutes) and not at `not_at`."""

    alert: str
    series: dict[str, str]
    summary: str
    labels: dict[str, str] = field(default_factory=dict)
    at: int = 30
    not_at: int = 1


def budget(spent: str, reserved: str) -> dict[str, str]:
    labels = "team='growth', budget='team/growth/day', period='day'"
    return {
        f"{G}budget_spent_dollars{{{labels}, instance='a'}}": spent,
        f"{G}budget_reserved_dollars{{{labels}, instance='a'}}": reserved,
        f"{G}budget_limit_dollars{{{labels}, instance='a'}}": "100x60",
    }


CALLS = f"{G}upstream_call_duration_seconds_count"
HTTP = f"{G}http_request_duration_seconds"
SUBMIT = "route='/api/v1/videos', method='POST', status='2xx'"
OLDEST = f"{G}jobs_oldest_open_age_seconds"
WEBHOOKS = f"{G}webhooks_received_total"

CASES = [
    Case(
        "VideoGatewayDown",
        {UP: "1 1 1 0x60"},
        "Gateway a does not answer Prometheus.",
        {"instance": "a", "job": "video-gateway"},
        at=10,
    ),
    Case(
        "VideoGatewayStateUnknown",
        {
            f"{G}snapshot_up{{instance='a'}}": "1 1 1 0x60",
            f"{G}snapshot_up{{instance='b'}}": "1x60",
        },
        "Gateway a cannot read its database; submits are rejected.",
        {"instance": "a"},
        at=10,
    ),
    Case(
        "VideoGatewayDatabaseFailing",
        {f"{G}database_failures_total{{kind='write'}}": "0 0 0+2x60"},
        "10 writes failed in the database within 5 minutes.",
        {"kind": "write"},
    ),
    Case(
        "VideoGatewayFailing",
        {
            f"{HTTP}_count{{route='/a', status='5xx'}}": "0 0+2x60",
            f"{HTTP}_count{{route='/a', status='2xx'}}": "0+98x60",
        },
        "2% of the responses are 5xx.",
    ),
    Case(
        "VideoGatewaySlow",
        {
            f"{HTTP}_bucket{{{SUBMIT}, le='4.5'}}": "0+90x60",
            f"{HTTP}_bucket{{{SUBMIT}, le='5.0'}}": "0+100x60",
            f"{HTTP}_bucket{{{SUBMIT}, le='+Inf'}}": "0+100x60",
        },
        "/api/v1/videos takes 4.75s (p95); the official SDK gives up after 5 s.",
        {"route": "/api/v1/videos"},
    ),
    Case(
        "VideoGatewayEventLoopBlocked",
        {
            f"{G}event_loop_lag_seconds_bucket{{instance='a', le='0.25'}}": "0+50x60",
            f"{G}event_loop_lag_seconds_bucket{{instance='a', le='0.5'}}": "0+100x60",
            f"{G}event_loop_lag_seconds_bucket{{instance='a', le='+Inf'}}": "0+100x60",
        },
        "Gateway a has an event loop lag of 495ms (p99).",
        {"instance": "a"},
    ),
    Case(
        "VideoGatewayWorkerFailing",
        {f"{G}worker_failures_total{{worker='poller', instance='a'}}": "0+1x60"},
        "The background worker poller failed 10 times in 10 minutes.",
        {"worker": "poller"},
    ),
    Case(
        "VideoGatewayTelemetryLost",
        {
            f"{G}log_lines_dropped_total{{instance='a'}}": "0x60",
            f"{G}trace_spans_dropped_total{{instance='a'}}": "0x20 5x40",
        },
        "Log lines or spans were dropped because their reader was too slow.",
        at=25,
    ),
    Case(
        "VideoGatewayConfigRefused",
        {f"{G}config_reloads_total{{outcome='refused', instance='a'}}": "0x20 1x40"},
        "Gateway a rejected a new configuration and keeps the old one.",
        {"instance": "a"},
        at=25,
        not_at=45,
    ),
    Case(
        "VideoGatewayConfigDiffers",
        {
            f"{G}config_info{{version='1', instance='a'}}": "1x60",
            f"{G}config_info{{version='2', instance='b'}}": "1x60",
        },
        "Replicas run 2 different configurations.",
        not_at=9,
    ),
    Case(
        "VideoGatewayLedgerViolated",
        {f"{G}ledger_violations{{instance='a'}}": "0x5 2x60"},
        "The ledger or the audit trail has 2 violations.",
    ),
    Case(
        "VideoGatewayBudgetNearlySpent",
        budget("50x10 70x50", "20x60"),
        "90% of budget team/growth/day is spent or reserved.",
        {"team": "growth", "budget": "team/growth/day", "period": "day"},
    ),
    Case(
        "VideoGatewayCostAboveEstimate",
        {f"{G}jobs_above_estimate_total{{model='x/one', instance='a'}}": "0x10 1x50"},
        "x/one cost more than was reserved for it; budgets may be overrun.",
        {"model": "x/one"},
        at=20,
    ),
    Case(
        "VideoGatewayCostUnconfirmed",
        {f"{G}jobs_unconfirmed_total{{team='growth', basis='assumed'}}": "0 0x19 6x40"},
        "6 jobs of growth were settled at the estimate (assumed).",
        {"team": "growth", "basis": "assumed"},
        at=60,
    ),
    Case(
        "VideoGatewayBillDisputed",
        {f"{G}bills_disputed{{team='growth', instance='a'}}": "0x20 1x40"},
        "Team growth has a disputed cost above 100 times its estimate; accept or correct it.",
        {"team": "growth"},
        at=30,
    ),
    Case(
        "VideoGatewayPricesChanged",
        {f"{G}catalog_changes_total{{upstream='main', change='price'}}": "0 0x19 6x40"},
        "main changed 6 prices.",
        {"upstream": "main"},
        at=60,
    ),
    Case(
        "VideoGatewayUpstreamFailing",
        {
            f"{CALLS}{{upstream='main', operation='poll', outcome='ok'}}": "0+75x60",
            f"{CALLS}{{upstream='main', operation='poll', outcome='error'}}": "0+25x60",
            f"{CALLS}{{upstream='other', operation='poll', outcome='ok'}}": "0+75x60",
        },
        "25% of the calls to main fail.",
        {"upstream": "main"},
    ),
    Case(
        "VideoGatewayUpstreamRefusesUs",
        {f"{G}upstream_refusals_total{{upstream='main', kind='credits'}}": "0x20 1x40"},
        "main rejects the gateway's own account: credits.",
        {"upstream": "main", "kind": "credits"},
        at=22,
    ),
    Case(
        "VideoGatewaySubmitsUnknown",
        {f"{G}upstream_outcomes_unknown_total{{upstream='main', instance='a'}}": "0x20 9x40"},
        "9 submits to main have an unknown outcome.",
        {"upstream": "main"},
        at=25,
    ),
    Case(
        "VideoGatewayJobsStuck",
        {
            f"{OLDEST}{{upstream='main', status='pending', instance='{one}'}}": "7201x60"
            for one in "ab"
        },
        "A job at main has been pending for 2h 0m 1s.",
        {"upstream": "main", "status": "pending"},
    ),
    Case(
        "VideoGatewayCatalogStale",
        {f"{G}catalog_age_seconds{{upstream='main', instance='a'}}": "3660x60"},
        "The catalog of main is 1h 1m 0s old.",
        {"upstream": "main"},
    ),
    Case(
        "VideoGatewayWebhooksForged",
        {
            f"{WEBHOOKS}{{upstream='main', verdict='mismatch'}}": "0x20 9x40",
            f"{WEBHOOKS}{{upstream='main', verdict='accepted'}}": "0+9x60",
        },
        "9 webhooks for main have an invalid signature or token.",
        {"upstream": "main"},
        at=25,
    ),
    Case(
        "VideoGatewayWebhooksMissed",
        {f"{G}webhooks_missed_total{{upstream='main'}}": "0x10 29x50"},
        "main sent no webhook for 29 job ends; polls found them.",
        {"upstream": "main"},
    ),
    Case(
        "VideoGatewayDeliveriesLate",
        {f"{G}deliveries_oldest_pending_age_seconds{{endpoint='team/a/hook'}}": "0+60x60"},
        "A delivery to team/a/hook has been pending for 30m 0s.",
        {"endpoint": "team/a/hook"},
        not_at=19,
    ),
    Case(
        "VideoGatewayDeliveriesDead",
        {
            f"{G}deliveries_dead{{endpoint='team/a/hook', instance='a'}}": "2x20 5x60",
            f"{G}deliveries_dead{{endpoint='team/b/hook', instance='a'}}": "7x80",
        },
        "3 deliveries to team/a/hook became dead within one hour.",
        {"endpoint": "team/a/hook"},
    ),
    Case(
        "VideoGatewayEndpointDisabled",
        {f"{G}endpoint_disabled{{endpoint='team/a/hook', instance='a'}}": "0x10 1x60"},
        "team/a/hook is disabled and gets no events.",
        {"endpoint": "team/a/hook"},
    ),
    Case(
        "VideoGatewayContentNotStored",
        {f"{G}content_store_failures_total{{reason='full', instance='a'}}": "0x20 14x40"},
        "14 videos could not be stored: full.",
        {"reason": "full"},
        at=28,
    ),
    Case(
        "VideoGatewayContentStoreTooSmall",
        {f"{G}content_evictions_total{{reason='space', instance='a'}}": "0 0x19 6x40"},
        "6 videos were removed before their retention ended, because the store is full.",
        at=60,
    ),
]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_severity_a_summary_and_a_section_that_says_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")

    assert rule["labels"] == {"severity": rule["labels"]["severity"], "service": "video-gateway"}
    assert rule["labels"]["severity"] in {"page", "ticket", "notice"}
    assert rule["annotations"]["summary"].endswith(".")
    assert page == "docs/operations.md"
    assert anchor == name.lower()
    assert section(name), f"docs/operations.md has no section {name}"


@pytest.mark.parametrize("name", ALERTS)
def test_a_section_says_what_it_means_and_what_to_do(name: str) -> None:
    told = section(name)

    assert "**Means:**" in told
    assert "**Do:**" in told
    assert len(told.split()) > 25


def test_no_section_speaks_of_an_alert_that_is_not() -> None:
    assert set(re.findall(r"^### (VideoGateway\w+)$", OPERATIONS, re.MULTILINE)) == set(ALERTS)


def section(name: str) -> str:
    found = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", OPERATIONS, re.MULTILINE | re.DOTALL)
    return "" if found is None else found[1]


def test_the_rules_and_the_configuration_are_sound() -> None:
    assert "SUCCESS" in promtool("check", "rules", "alerts.yml")
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml")


def test_every_alert_has_a_case() -> None:
    assert [case.alert for case in CASES] == list(ALERTS)


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What promtool says of all cases; it takes as long for one as for all."""
    path = tmp_path_factory.mktemp("alerts") / "cases.yml"
    path.write_text(unit_tests([unit_test(case) for case in CASES]))
    return told(path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_fires_when_it_should_and_not_before(case: Case, verdict: str) -> None:
    assert f"alertname: {case.alert}," not in verdict, verdict


def test_promtool_found_nothing_else_wrong(verdict: str) -> None:
    assert "SUCCESS" in verdict
    assert "FAILED" not in verdict


def unit_test(case: Case) -> dict[str, Any]:
    firing = {
        "exp_labels": {**ALERTS[case.alert]["labels"], **case.labels},
        "exp_annotations": {**ALERTS[case.alert]["annotations"], "summary": case.summary},
    }
    return {
        "interval": "1m",
        "input_series": samples({UP: "1x90", **case.series}),
        "alert_rule_test": [
            {"eval_time": f"{case.not_at}m", "alertname": case.alert, "exp_alerts": []},
            {"eval_time": f"{case.at}m", "alertname": case.alert, "exp_alerts": [firing]},
        ],
    }


def samples(series: dict[str, str]) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in series.items()]


def unit_tests(tests: list[dict[str, Any]]) -> str:
    return yaml.safe_dump({"rule_files": [str(GRAFANA / "alerts.yml")], "tests": tests})


def test_nothing_fires_where_all_is_well(tmp_path: Path) -> None:
    """What a busy, healthy gateway shows."""
    healthy = {
        UP: "1x90",
        f"{G}snapshot_up{{instance='a'}}": "1x90",
        f"{G}ledger_violations{{instance='a'}}": "0x90",
        f"{G}config_info{{version='1', instance='a'}}": "1x90",
        f"{HTTP}_count{{route='/a', status='2xx'}}": "0+98x90",
        f"{HTTP}_bucket{{{SUBMIT}, le='2.5'}}": "0+50x90",
        f"{HTTP}_bucket{{{SUBMIT}, le='4.5'}}": "0+100x90",
        f"{HTTP}_bucket{{{SUBMIT}, le='+Inf'}}": "0+100x90",
        f"{CALLS}{{upstream='main', operation='submit', outcome='ok'}}": "0+9x90",
        f"{CALLS}{{upstream='main', operation='submit', outcome='refused'}}": "0+9x90",
        f"{CALLS}{{upstream='idle', operation='models', outcome='ok'}}": "0x75 1x15",
        f"{CALLS}{{upstream='idle', operation='models', outcome='error'}}": "0x74 1x16",
        f"{WEBHOOKS}{{upstream='main', verdict='accepted'}}": "0+9x90",
        f"{WEBHOOKS}{{upstream='main', verdict='duplicate'}}": "0+9x90",
        f"{G}catalog_age_seconds{{upstream='main', instance='a'}}": "600x90",
        f"{G}deliveries_dead{{endpoint='team/a/hook', instance='a'}}": "3x90",
        **budget("0+0.5x90", "20x90"),
    }
    test = {
        "interval": "1m",
        "input_series": samples(healthy),
        "alert_rule_test": [
            {"eval_time": "80m", "alertname": name, "exp_alerts": []} for name in ALERTS
        ],
    }
    path = tmp_path / "healthy.yml"
    path.write_text(unit_tests([test]))

    assert "SUCCESS" in told(path)
