"""GET /metrics of a whole gateway: shared state at the scrape, labels that nobody can flood."""

import re

from prometheus_client.parser import text_string_to_metric_families as parse

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock
from tests.harness import RunningGateway
from tests.telemetry.page import OPENMETRICS

BUDGETS = {"teams": {"growth": {"budgets": [{"period": "day", "limit_usd": 5}]}}}


async def scrape(gateway: RunningGateway, accept: str = "") -> str:
    answer = await gateway.get(f"{gateway.admin_url}/metrics", headers={"Accept": accept})
    assert answer.status == 200
    return answer.body.decode()


def value(text: str, name: str, **labels: str) -> float | None:
    for family in parse(text):
        for sample in family.samples:
            if sample.name == f"video_gateway_{name}" and labels.items() <= sample.labels.items():
                return sample.value
    return None


def series(text: str) -> set[str]:
    return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}


async def test_a_scrape_shows_what_is_held_and_then_what_was_spent(
    gateways: StartGateway, sandbox: Sandbox, database_url: str, clock: FakeClock
) -> None:
    gateway = await gateways(sandbox, database_url, BUDGETS)
    job = await gateway.job()

    text = await scrape(gateway)
    held = value(text, "budget_reserved_dollars", budget="team/growth/day")
    assert held is not None
    assert held > 0
    assert value(text, "jobs_open", team="growth", upstream="sandbox") == 1

    await gateway.ended(job)
    await clock.advance(2)
    text = await scrape(gateway)
    assert value(text, "budget_reserved_dollars", budget="team/growth/day") == 0
    spent = value(text, "budget_spent_dollars", budget="team/growth/day")
    assert spent is not None
    assert spent > 0
    assert value(text, "budget_available_dollars", budget="team/growth/day") == 5 - spent
    assert value(text, "jobs_ended_total", team="growth", status="completed") == 1
    assert value(text, "jobs_open", team="growth") is None


async def test_replicas_show_the_same_money(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str
) -> None:
    first = await gateways(sandbox, postgres_url, BUDGETS)
    second = await gateways(sandbox, postgres_url, BUDGETS)
    await first.job()

    shown = [
        value(await scrape(one), "budget_reserved_dollars", budget="team/growth/day")
        for one in (first, second)
    ]

    assert shown[0] == shown[1]
    assert shown[0] is not None
    assert shown[0] > 0


async def test_what_the_store_holds_is_shown_with_its_limit(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    gateway = await gateways(sandbox, sqlite_url, {"content": {"mode": "cache", "max_gb": 2}})
    text = await scrape(gateway)
    assert value(text, "content_stored_videos") == 0
    assert value(text, "content_limit_bytes") == 2_000_000_000

    job = await gateway.completed()
    video = (await gateway.get(f"/videos/{job}/content")).body
    await gateway.until(lambda: stored(gateway))
    await clock.advance(2)

    text = await scrape(gateway)
    assert value(text, "content_stored_videos") == 1
    assert value(text, "content_stored_bytes") == len(video)
    assert value(text, "content_lookups_total", result="miss") == 1


async def stored(gateway: RunningGateway) -> bool:
    return bool(gateway.told("content.stored"))


async def test_openmetrics_bears_the_clients_trace_as_an_exemplar(gateway: RunningGateway) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    header = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    await gateway.get("/videos/models", headers=header)

    text = await scrape(gateway, OPENMETRICS)

    assert re.search(rf'_bucket\{{.*route="/api/v1/videos/models".*# .*trace_id="{trace}"', text)
    assert text.endswith("# EOF\n")


async def test_hostile_paths_methods_and_models_add_no_series(gateway: RunningGateway) -> None:
    async def attack(tag: str) -> None:
        for number in range(100):
            await gateway.get(f"/{tag}{number}")
            await gateway.submit(model=f"{tag}/{number}")
            await gateway.call("PATCH", f"/videos/{tag}-{number}/content")
        await gateway.call("PROPFIND", "/videos")

    await scrape(gateway)
    await attack("once")
    before = series(await scrape(gateway))
    await attack("again")

    after = series(await scrape(gateway))

    assert after == before
    assert not [one for one in after if "again" in one or "once" in one]


async def test_every_loop_is_known_by_its_name(gateway: RunningGateway) -> None:
    text = await scrape(gateway)

    for loop in gateway.gateway.loops:
        assert value(text, "worker_failures_total", worker=loop.name) == 0


async def test_the_ledger_is_examined_without_being_asked(gateway: RunningGateway) -> None:
    async def examined() -> bool:
        return value(await scrape(gateway), "ledger_violations") == 0

    assert await gateway.until(examined)


async def test_metrics_are_not_on_the_teams_listener(gateway: RunningGateway) -> None:
    answer = await gateway.get(f"{gateway.origin}/metrics")

    assert answer.status == 404
