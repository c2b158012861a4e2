"""Pages of lists: bounded in rows and in bytes, and complete together."""

from typing import Any

import pytest

from gateway.api.admin.paging import page_of, read_cursor, read_limit, within_bytes
from gateway.domain.errors import Refused

ROWS = [(1_000 - number, f"id-{number}") for number in range(7)]


def pages(limit: int, size: int) -> list[list[str]]:
    """Read every page, as a client does."""

    def show(row: tuple[int, str]) -> dict[str, Any]:
        return {"id": row[1], "words": "x" * size}

    rest, seen = list(ROWS), []
    while True:
        page = page_of(rest[: limit + 1], limit, show, lambda row: row)
        seen.append([row["id"] for row in page["data"]])
        if "next" not in page:
            return seen
        rest = ROWS[ROWS.index(read_cursor(page["next"])) + 1 :]


@pytest.mark.parametrize(
    ("limit", "size", "lengths"), [(3, 1, [3, 3, 1]), (7, 1, [7]), (7, 400_000, [2, 2, 2, 1])]
)
def test_pages_are_bounded_and_hold_every_row_once(
    limit: int, size: int, lengths: list[int]
) -> None:
    found = pages(limit, size)

    assert [len(page) for page in found] == lengths
    assert [name for page in found for name in page] == [name for _, name in ROWS]


def test_a_row_that_is_too_large_alone_is_still_shown() -> None:
    assert len(within_bytes([{"words": "x" * 2_000_000}, {"words": ""}])) == 1


@pytest.mark.parametrize("text", ["0", "501", "ten", "-1"])
def test_a_limit_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="from 1 to 500"):
        read_limit(text)


@pytest.mark.parametrize("text", ["x", "é", "bm8"])
def test_a_cursor_that_no_page_had_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="the `next` of a page before"):
        read_cursor(text)
