"""Parsing an upstream's answers, also malformed ones."""

import pytest

from gateway.domain.job import JobUpdate, Status
from gateway.domain.submit_verdict import read_submit
from gateway.domain.upstream import Unclear, read_poll
from gateway.domain.webhook import read_event

IMPOSSIBLE_NUMBERS = ["1e99999999999999999999", "-1e99999999999999999999", "9" * 5000]


@pytest.mark.parametrize("number", IMPOSSIBLE_NUMBERS)
def test_a_number_out_of_range_makes_an_answer_unreadable(
    number: str,
) -> None:
    body = f'{{"id": "up-1", "status": "completed", "usage": {{"cost": {number}}}}}'.encode()
    event = f'{{"type": "video.generation.completed", "data": {body.decode()}}}'.encode()

    assert isinstance(read_submit(202, body, None), Unclear)
    assert not isinstance(read_poll(200, body), JobUpdate)
    assert read_event(event) is None


@pytest.mark.parametrize("expires", ["1e400", "1e999999999", "253402300800", "-1", "true", '"x"'])
def test_an_invalid_expiry_counts_as_absent(expires: str) -> None:
    """A job whose end could not be stored would never end."""
    body = f'{{"status": "completed", "urls": ["u"], "expires_at": {expires}}}'.encode()

    news = read_poll(200, body)

    assert isinstance(news, JobUpdate)
    assert news.status is Status.COMPLETED
    assert news.copy_expires_at is None


def test_an_expiry_is_parsed_in_whole_seconds() -> None:
    news = read_poll(200, b'{"status": "completed", "urls": ["u"], "expires_at": 1800000000.9}')

    assert isinstance(news, JobUpdate)
    assert news.copy_expires_at == 1_800_000_000
