"""A job as clients see it: OpenRouter's fields, no unknown values, no upstream ids."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.job import Status
from gateway.services.jobs.serialize import JobSerializer
from gateway.services.links import LIFETIME, Links
from tests.domain.test_job import a_job
from tests.fakes.clock import FakeClock
from tests.services.books import in_force

BASE = "https://video.example.com/gw"
KEY = b"k" * 32


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def links(clock: FakeClock) -> Links:
    return Links(in_force({"server": {"public_url": BASE}}), clock, KEY)


@pytest.fixture
def presenter(links: Links) -> JobSerializer:
    return JobSerializer(links)


def polled(presenter: JobSerializer, **changes: Any) -> Any:
    return json.loads(presenter.polled(a_job(**{"upstream_id": "up-secret", **changes})))


@pytest.mark.parametrize("status", Status)
def test_a_submit_is_answered_with_three_fields(presenter: JobSerializer, status: Status) -> None:
    body = json.loads(presenter.submitted(a_job(status=status)))

    assert body == {
        "id": "gen-vid-1-a",
        "polling_url": f"{BASE}/api/v1/videos/gen-vid-1-a",
        "status": status.on_the_wire,
    }


@pytest.mark.parametrize("status", [Status.SUBMITTING, Status.UNKNOWN, Status.PENDING])
def test_a_running_job_has_no_result_fields(presenter: JobSerializer, status: Status) -> None:
    assert set(polled(presenter, status=status)) == {
        "id",
        "generation_id",
        "polling_url",
        "status",
    }


def test_a_completed_job_has_its_links_and_its_usage(presenter: JobSerializer) -> None:
    body = polled(presenter, status=Status.COMPLETED, outputs=2, raw_cost="0.1358", is_byok=False)

    assert body["usage"] == {"cost": 0.1358, "is_byok": False}
    assert len(body["unsigned_urls"]) == 2
    assert all(url.startswith(f"{BASE}/api/v1/videos/") for url in body["unsigned_urls"])
    assert "urls" not in body
    assert "error" not in body
    assert "up-secret" not in json.dumps(body)


def test_an_upstreams_stored_copy_is_shown_under_the_gateways_urls(
    presenter: JobSerializer,
) -> None:
    body = polled(presenter, status=Status.COMPLETED, outputs=1, copy_expires_at=1_800_000_000)

    assert body["urls"] == body["unsigned_urls"]
    assert body["expires_at"] == 1_800_000_000


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.EXPIRED])
def test_a_failed_job_always_has_an_error(presenter: JobSerializer, status: Status) -> None:
    assert polled(presenter, status=status, error="no luck")["error"] == "no luck"
    unexplained = polled(presenter, status=status, version=2, error=None)["error"]
    assert isinstance(unexplained, str)
    assert unexplained
    assert "unsigned_urls" not in polled(presenter, status=status)


def test_a_response_is_cached_until_the_job_or_its_links_change(
    presenter: JobSerializer, clock: FakeClock
) -> None:
    job = a_job(status=Status.COMPLETED, outputs=1)

    first = presenter.polled(job)
    assert presenter.polled(job) is first
    assert presenter.polled(replace(job, version=2, raw_cost="0.07")) != first
    clock.jump(13 * 3600)
    assert presenter.polled(job) != first


def test_links_are_valid_for_at_least_their_lifetime(links: Links, clock: FakeClock) -> None:
    for _ in range(50):
        ahead = links.expiry() - clock.now().timestamp()
        assert LIFETIME.total_seconds() <= ahead <= LIFETIME.total_seconds() + 12 * 3600
        clock.jump(1801)


def test_a_callback_url_is_given_only_if_it_is_reachable(clock: FakeClock) -> None:
    plain = {"public_url": "http://10.0.0.5:8080"}

    def callback(settings: dict[str, Any]) -> str | None:
        return Links(in_force(settings), clock, KEY).callback_url("main", "token")

    assert callback({"server": {"public_url": BASE}}) == f"{BASE}/webhooks/main/token"
    assert callback({"server": plain}) is None
    allowed = callback({"server": plain, "callbacks": {"allow_http": True}})
    assert allowed == "http://10.0.0.5:8080/webhooks/main/token"
