"""`traceparent`: read by the letter of W3C Trace Context, written so that others can read it."""

import re

import pytest

from gateway.telemetry.traceparent import Traceparent, fresh, parse

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f"  00-{TRACE}-{SPAN}-01 ", True),
        (f"cc-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-holds", True),
    ],
)
def test_a_valid_header_is_read(header: str, sampled: bool) -> None:
    assert parse(header) == Traceparent(TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 10_000}",
        f"00-{TRACE}-{SPAN}-01\nforged: 1",
        f"00-{'٣' * 32}-{SPAN}-01",
    ],
)
def test_an_invalid_header_means_nothing(header: str | None) -> None:
    assert parse(header) is None


def test_what_is_written_can_be_read() -> None:
    place = Traceparent(TRACE, SPAN, sampled=True)

    assert str(place) == f"00-{TRACE}-{SPAN}-01"
    assert parse(str(place)) == place


def test_a_fresh_trace_is_valid_unique_and_not_sampled() -> None:
    first, second = fresh(), fresh()

    assert parse(str(first)) == first
    assert first.trace_id != second.trace_id
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", str(first))
