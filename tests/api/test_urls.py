"""Every URL stays on the gateway, and each client follows it in its own way.

See docs/openrouter-contract.md 9.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock
from tests.harness import RunningGateway

OPENROUTER = "https://openrouter.ai"
FOUR_DAYS_AND_A_HALF = 4.5 * 86_400  # links are good for four days, and up to half a day more


@dataclass(frozen=True)
class Habit:
    """How one client gets from a submit's answer to its video."""

    polls: Callable[[str, str, str], str]  # (base URL, job id, polling_url) -> what it fetches
    fetches: Callable[[str, str, str], str]  # (base URL, job id, unsigned_urls[0])
    sends_key: bool  # with the download


def by_id(base: str, job_id: str, _: str) -> str:
    return f"{base}/videos/{job_id}"


def content_by_id(base: str, job_id: str, _: str) -> str:
    return f"{base}/videos/{job_id}/content?index=0"


def raw(_base: str, _job: str, url: str) -> str:
    return url


def against_openrouter(_base: str, _job: str, url: str) -> str:
    return urljoin(OPENROUTER, url)


def if_same_origin(base: str, job_id: str, url: str) -> str:
    same = urlsplit(url)[:2] == urlsplit(base)[:2]
    return url if same else by_id(base, job_id, url)


HABITS = {
    "python, typescript and go sdk": Habit(by_id, content_by_id, sends_key=True),
    "ai sdk": Habit(by_id, raw, sends_key=False),
    "skill script": Habit(raw, raw, sends_key=True),
    "guide sample": Habit(raw, raw, sends_key=False),
    "cookbook sample": Habit(against_openrouter, raw, sends_key=False),
    "hermes-agent": Habit(raw, raw, sends_key=False),
    "openclaw": Habit(if_same_origin, raw, sends_key=False),
}


@pytest.mark.parametrize("name", HABITS)
async def test_each_client_gets_its_video_in_its_own_way(
    gateway: RunningGateway, name: str
) -> None:
    habit = HABITS[name]
    submitted = (await gateway.submit()).json
    job_id = submitted["id"]
    await gateway.ended(job_id)

    polled = await gateway.get(habit.polls(gateway.base, job_id, submitted["polling_url"]))
    assert polled.status == 200
    url = habit.fetches(gateway.base, job_id, polled.json["unsigned_urls"][0])
    video = await gateway.get(url, team="growth" if habit.sends_key else None)

    assert (video.status, video.headers["Content-Type"]) == (200, "video/mp4")
    assert video.body[4:8] == b"ftyp"


async def test_every_url_is_absolute_under_the_public_url_whatever_host_was_asked(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    public = "https://video.example.com/team/gateway"
    gateway = await gateways(sandbox, sqlite_url, {"server": {"public_url": public}})
    hostile = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=e"}

    submitted = await gateway.call(
        "POST", "/videos", headers=hostile, json={"model": "x-ai/grok-imagine-video", "prompt": "p"}
    )
    job_id = submitted.json["id"]
    await gateway.ended(job_id)
    polled = (await gateway.get(f"/videos/{job_id}", headers=hostile)).json

    for body in (submitted.json, polled):
        assert body["polling_url"] == f"{public}/api/v1/videos/{job_id}"
    (link,) = polled["unsigned_urls"]
    assert link.startswith(f"{public}/api/v1/videos/{job_id}/content?index=0&expires=")


async def test_the_upstream_s_own_host_ids_and_links_never_reach_a_client(
    gateways: StartGateway, sandboxes: Callable[..., object], sqlite_url: str
) -> None:
    sandbox = await sandboxes(stored_copy_seconds=3600.0, outputs=2)  # type: ignore[misc]
    gateway = await gateways(sandbox, sqlite_url)
    job_id = await gateway.completed()

    polled = await gateway.get(f"/videos/{job_id}")

    (upstream_id,) = sandbox.ledger.accepted
    for secret in (upstream_id, sandbox.origin, sandbox.api_key):
        assert secret.encode() not in polled.body
    body = polled.json
    assert len(body["unsigned_urls"]) == 2
    assert body["urls"] == body["unsigned_urls"]
    assert isinstance(body["expires_at"], int)


async def test_a_link_opens_its_own_output_and_nothing_else(
    gateways: StartGateway, sandboxes: Callable[..., object], sqlite_url: str
) -> None:
    gateway = await gateways(await sandboxes(outputs=2), sqlite_url)  # type: ignore[misc]
    job_id, other = await gateway.completed(), await gateway.completed(prompt="another")
    links = (await gateway.get(f"/videos/{job_id}")).json["unsigned_urls"]
    others = (await gateway.get(f"/videos/{other}")).json["unsigned_urls"]
    first, second = links
    signature = first.partition("signature=")[2]

    async def status(url: str, team: str | None = None) -> int:
        return (await gateway.get(url, team=team)).status

    assert [await status(link) for link in (*links, *others)] == [200] * 4
    misfits = [
        first.replace("index=0", "index=1"),
        second.replace("index=1", "index=0"),
        others[0].partition("?")[0] + "?" + first.partition("?")[2],
        first.replace("expires=1", "expires=2"),
        first.replace("expires=", "expires=0"),
        first.replace(signature, signature[:-1]),
        first.replace(signature, signature + "A"),
        first.replace(signature, ""),
        first.replace(signature, "é" * 43),
        first.partition("&signature")[0],
        first.partition("?")[0],
        first + "&index=1",
    ]
    for url in misfits[:-1]:
        assert await status(url) == 401, url
    assert await status(misfits[-1]) == 200  # the first `index` counts, everywhere


async def test_an_expired_link_works_with_the_key_of_its_team_alone(
    gateway: RunningGateway, clock: FakeClock
) -> None:
    job_id = await gateway.completed()
    (link,) = (await gateway.get(f"/videos/{job_id}")).json["unsigned_urls"]
    assert (await gateway.get(link, team=None)).status == 200
    assert (await gateway.get(link, team="rivals")).status == 200  # who has the link, has the video

    clock.jump(FOUR_DAYS_AND_A_HALF)

    expired = await gateway.get(link, team=None)
    assert (expired.status, expired.reason) == (401, "invalid_key")
    assert (await gateway.get(link, team="growth")).status == 200
    assert (await gateway.get(link, team="rivals")).status == 404
    (fresh,) = (await gateway.get(f"/videos/{job_id}")).json["unsigned_urls"]
    assert (await gateway.get(fresh, team=None)).status == 200


async def test_a_link_is_good_for_at_least_four_days(
    gateway: RunningGateway, clock: FakeClock
) -> None:
    job_id = await gateway.completed()
    (link,) = (await gateway.get(f"/videos/{job_id}")).json["unsigned_urls"]

    clock.jump(4 * 86_400 - 60)

    assert (await gateway.get(link, team=None)).status == 200


async def test_links_fit_every_gateway_of_the_installation_and_none_of_another(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, postgres_url: str
) -> None:
    one = await gateways(sandbox, postgres_url)
    two = await gateways(sandbox, postgres_url)
    stranger = await gateways(sandbox, sqlite_url)
    job_id = await one.completed()
    (link,) = (await one.get(f"/videos/{job_id}")).json["unsigned_urls"]

    assert (await two.get(link.replace(one.origin, two.origin), team=None)).status == 200
    assert (await stranger.get(link.replace(one.origin, stranger.origin), team=None)).status == 401


async def test_a_signing_key_of_the_configuration_outlives_the_database(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, postgres_url: str
) -> None:
    settings = {"signing_key": "k" * 32}
    one = await gateways(sandbox, sqlite_url, settings)
    two = await gateways(sandbox, postgres_url, settings)
    job_id = await one.completed()
    (link,) = (await one.get(f"/videos/{job_id}")).json["unsigned_urls"]

    moved = await two.get(link.replace(one.origin, two.origin), team=None)

    assert (moved.status, moved.reason) == (404, "job_not_found")  # the signature fits, no job
