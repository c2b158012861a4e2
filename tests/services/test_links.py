"""Links to the gateway: signed, limited in time, and its own."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.domain.job import Status
from gateway.ports import Database
from gateway.services.links import Links
from tests.fakes.clock import FakeClock
from tests.services.books import Books, in_force


def links(clock: FakeClock, **server: Any) -> Links:
    public = {"public_url": "https://gateway.example", **server}
    return Links(in_force({"server": public}), clock, b"k" * 32)


async def content_link(database: Database, made: Links) -> tuple[str, dict[str, str]]:
    books = Books(database, in_force({}))
    job = await books.accept((await books.submit("red", 10)).job)
    ended = replace(await books.end(job.id, Status.COMPLETED, "0.1"), outputs=1)
    [url] = made.content_urls(ended)
    assert url.startswith("https://gateway.example/api/v1/videos/")
    return job.id, {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def test_a_link_fits_its_output_until_it_expires(database: Database) -> None:
    clock = FakeClock()
    made = links(clock)
    job, query = await content_link(database, made)

    assert made.fits(job, 0, query["expires"], query["signature"])
    assert not made.fits(job, 1, query["expires"], query["signature"])
    clock.jump(int(query["expires"]) - clock.now().timestamp() + 1)
    assert not made.fits(job, 0, query["expires"], query["signature"])


@pytest.mark.parametrize("change", [{"expires": "99999999999"}, {"signature": "0" * 64}])
async def test_a_changed_link_does_not_fit(database: Database, change: dict[str, str]) -> None:
    made = links(FakeClock())
    job, query = await content_link(database, made)
    query |= change

    assert not made.fits(job, 0, query["expires"], query["signature"])


def test_a_polling_url_is_the_gateway_s_own() -> None:
    assert (
        links(FakeClock()).polling_url("gen-vid-1-a")
        == "https://gateway.example/api/v1/videos/gen-vid-1-a"
    )
