"""Another team's job does not exist: every route of the table, generated from it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.harness import KEYS, Answer, RunningGateway

NOBODYS = "gen-vid-1795348800-AAAAAAAAAAAAAAAAAAAA"  # as long as an id of ours


@dataclass(frozen=True)
class Route:
    """One row of the public route table."""

    method: str
    path: str

    def of(self, job_id: str) -> str:
        return self.path.replace("{id}", job_id)


def routes(gateway: RunningGateway) -> Iterator[Route]:
    """Every route of the team-facing application."""
    for route in gateway.gateway.public.router.routes():
        resource = route.resource
        assert resource is not None
        yield Route(route.method, resource.canonical)


def job_routes(gateway: RunningGateway) -> list[Route]:
    """Those that name a job. A new one with another word than `{id}` fails here, not in life."""
    known = {"id"}
    named = [
        route for route in routes(gateway) if "{" in route.path and "/webhooks/" not in route.path
    ]
    for route in named:
        assert set(re.findall(r"{(\w+)", route.path)) <= known, route
    return [route for route in named if route.method != "OPTIONS"]


async def ask(gateway: RunningGateway, route: Route, job_id: str, team: str | None) -> Answer:
    return await gateway.call(route.method, f"{gateway.origin}{route.of(job_id)}", team=team)


def same(one: Answer, other: Answer, job_id: str) -> bool:
    """Whether nobody can tell them apart but by the id that they repeat."""
    headers = [
        {
            name: value
            for name, value in answer.headers.items()
            if name.lower() not in ("date", "x-request-id")
        }
        for answer in (one, other)
    ]
    bodies = one.body == other.body.replace(job_id.encode(), NOBODYS.encode())
    return one.status == other.status and headers[0] == headers[1] and bodies


@pytest.mark.parametrize("state", ["running", "completed", "failed", "unknown"])
async def test_another_team_s_job_is_a_404_like_nobody_s_on_every_route(
    gateway: RunningGateway, sandbox: Sandbox, state: str
) -> None:
    if state == "running":
        sandbox.faults.next("job", "hold")
    elif state == "failed":
        sandbox.faults.next("job", "fail")
    elif state == "unknown":
        sandbox.faults.next("submit", "reset_after")
    theirs = await gateway.job(team="rivals")
    if state in ("completed", "failed"):
        await gateway.ended(theirs, team="rivals")

    table = job_routes(gateway)
    assert {route.method for route in table} >= {"GET", "HEAD"}
    for route in table:
        foreign = await ask(gateway, route, theirs, "growth")
        nobodys = await ask(gateway, route, NOBODYS, "growth")

        assert foreign.status == 404, route
        assert same(nobodys, foreign, theirs), route


async def test_without_a_key_a_job_can_t_be_told_from_nobody_s(gateway: RunningGateway) -> None:
    job_id = await gateway.completed()

    for route in job_routes(gateway):
        known = await ask(gateway, route, job_id, None)
        nobodys = await ask(gateway, route, NOBODYS, None)

        assert known.status == 401, route
        assert same(nobodys, known, job_id), route


async def test_the_upstream_s_own_id_opens_nothing(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    await gateway.completed()
    (upstream_id,) = sandbox.ledger.accepted

    for route in job_routes(gateway):
        assert (await ask(gateway, route, upstream_id, "growth")).status == 404


async def test_every_route_that_needs_no_key_is_known(gateway: RunningGateway) -> None:
    """Whoever adds a public route must say so here; all others are a 401 without a key."""
    open_to_all = {
        "/healthz",
        "/readyz",
        "/api/v1/models",
        "/api/v1/models/count",
        "/api/v1/videos/models",
        "/webhooks/{upstream}",
        "/webhooks/{upstream}/{token}",
    }
    for route in routes(gateway):
        if route.method == "OPTIONS" or route.path in open_to_all:
            continue
        answer = await ask(gateway, route, NOBODYS, None)

        assert answer.status == 401, route


async def test_a_key_made_at_run_time_works_and_stops_when_it_is_revoked(
    gateway: RunningGateway,
) -> None:
    job_id = await gateway.completed()
    made = await gateway.call(
        "POST",
        f"{gateway.admin_url}/admin/v1/keys",
        team=None,
        json={"team": "growth", "name": "laptop"},
    )
    key = {"Authorization": f"Bearer {made.json['key']}"}

    seen = await gateway.get(f"/videos/{job_id}", team=None, headers=key)
    assert (made.status, seen.status) == (201, 200)
    revoked = await gateway.call(
        "DELETE", f"{gateway.admin_url}/admin/v1/keys/growth/laptop", team=None
    )
    assert revoked.status == 200

    for method, path in (("GET", f"/videos/{job_id}"), ("POST", "/videos")):
        answer = await gateway.call(method, path, team=None, headers=key)
        assert (answer.status, answer.reason) == (401, "revoked_key")
    assert made.json["key"] not in gateway.log.getvalue()


async def test_a_revoked_key_stops_at_every_replica_within_a_second(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str
) -> None:
    one = await gateways(sandbox, postgres_url)
    two = await gateways(sandbox, postgres_url)
    made = await one.call(
        "POST",
        f"{one.admin_url}/admin/v1/keys",
        team=None,
        json={"team": "growth", "name": "laptop"},
    )
    key = {"Authorization": f"Bearer {made.json['key']}"}

    async def status(gateway: RunningGateway) -> int:
        return (await gateway.get(f"/videos/{NOBODYS}", team=None, headers=key)).status

    async def known_to_both() -> bool:
        return (await status(one), await status(two)) == (404, 404)

    await one.until(known_to_both)
    await one.call("DELETE", f"{one.admin_url}/admin/v1/keys/growth/laptop", team=None)
    assert await status(one) == 401

    start = one.clock.monotonic()

    async def stopped() -> bool:
        return await status(two) == 401

    await two.until(stopped)
    assert two.clock.monotonic() - start <= 1


async def test_a_key_of_a_team_that_left_the_configuration_opens_nothing(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str
) -> None:
    with_rivals = await gateways(sandbox, postgres_url)
    made = await with_rivals.call(
        "POST",
        f"{with_rivals.admin_url}/admin/v1/keys",
        team=None,
        json={"team": "rivals", "name": "laptop"},
    )
    without = await gateways(sandbox, postgres_url, {"teams": {"rivals": None}})

    for key in (made.json["key"], KEYS["rivals"]):
        headers = {"Authorization": f"Bearer {key}"}
        answer = await without.get(f"/videos/{NOBODYS}", team=None, headers=headers)
        assert (answer.status, answer.reason) == (401, "invalid_key")


async def test_no_key_is_kept(gateway: RunningGateway) -> None:
    """Only its SHA-256 is: neither rows nor log hold what a client sends."""
    made = await gateway.call(
        "POST",
        f"{gateway.admin_url}/admin/v1/keys",
        team=None,
        json={"team": "growth", "name": "laptop"},
    )
    await gateway.job()

    stored = await gateway.row("SELECT hash FROM keys")
    listed = await gateway.get(f"{gateway.admin_url}/admin/v1/keys", team=None)
    assert made.json["key"].startswith("vg_")
    assert stored["hash"].startswith("sha256:")
    for key in (made.json["key"], *KEYS.values()):
        assert key.encode() not in listed.body
        assert key not in gateway.log.getvalue()


async def test_a_renamed_team_still_has_its_jobs(
    gateways: StartGateway, sandbox: Sandbox, database_url: str
) -> None:
    """The keys move with the name; what the old name submitted is polled and downloaded on."""
    gateway = await gateways(sandbox, database_url, {})
    job = await gateway.completed(team="growth")
    config = gateway.gateway.live.config
    teams = dict(config.teams)
    teams["expansion"] = teams.pop("growth").model_copy(update={"was": ("growth",)})
    gateway.gateway.live.replace(config.model_copy(update={"teams": teams}), "renamed")

    polled = await gateway.get(f"/videos/{job}")
    others = await gateway.get(f"/videos/{job}", team="rivals")

    fresh = await gateway.job(prompt="of the new name")
    row = await gateway.row("SELECT team FROM jobs WHERE id = :id", id=fresh)
    assert row["team"] == "expansion"
    assert (polled.status, polled.json["status"]) == (200, "completed")
    assert others.status == 404
