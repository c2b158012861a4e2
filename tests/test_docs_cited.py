"""Every document that a file cites is in the repository, and so is the section that it cites."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
CITING = ["gateway", "tests", "docs", "config", "grafana", "README.md", "CHANGELOG.md"]

CONTRACT = "docs/openrouter-contract.md"
RELIABILITY = "docs/reliability.md"

_URL = re.compile(r"https?://[^\s)>\"'`]+")
_PAGE = re.compile(r"(?<![\w*/.{}-])(?:[\w.-]+/)*[\w-][\w.-]*\.md\b")
_LINE_BREAK = re.compile(r"\s*\n[ \t]*#?[ \t]*")  # inside a comment or a docstring

_NUMBERS = re.compile(r",?\s+(?:sections?\s+)?(\d+(?:(?:,|\s+and)\s+\d+)*)")
_PART = re.compile(
    r",?\s+(?:section\s+(?P<number>\d+)|\((?P<letter>[a-z])\)(?:\s+(?P<item>F?\d+))?|(?P<name>Money))"
)


def tracked(*under: str) -> list[str]:
    """Return the paths of the tracked files below `under`, or of all of them."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--", *under],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("git is not available, or this is not a git checkout")
    return [name for name in listed.split("\0") if name]


def read(name: str) -> str:
    """Return the text of a tracked file; empty if it is deleted or binary."""
    path = ROOT / name
    data = path.read_bytes() if path.is_file() else b""
    return "" if b"\0" in data else data.decode("utf-8", "replace")


def cited_pages(text: str) -> set[str]:
    """Return every path that ends in `.md`, except those of other sites."""
    return set(_PAGE.findall(_URL.sub("", text)))


def candidates(page: str, citing: str) -> set[str]:
    """Return what `page` may mean: relative to the root, to the citing file, or to `docs`."""
    folders = [PurePosixPath(), PurePosixPath(citing).parent, PurePosixPath("docs")]
    return {normal(folder / page) for folder in folders}


def normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts = parts[:-1]
        else:
            parts.append(part)
    return "/".join(parts)


def after(page: str, text: str) -> Iterator[str]:
    """Yield what follows each citation of `page`, with wrapped lines joined."""
    joined = _LINE_BREAK.sub(" ", text)
    for match in re.finditer(re.escape(page), joined):
        yield joined[match.end() : match.end() + 80]


def cited_numbers(text: str) -> set[int]:
    """Return the section numbers of the contract that `text` cites."""
    found = [_NUMBERS.match(rest) for rest in after(CONTRACT, text)]
    return {int(number) for match in found if match for number in re.findall(r"\d+", match[1])}


def cited_parts(text: str) -> set[tuple[str, str | None]]:
    """Return the headings of the reliability page that `text` cites, each with its item."""
    found = [_PART.match(rest) for rest in after(RELIABILITY, text)]
    return {(heading(match), match["item"]) for match in found if match}


def heading(part: re.Match[str]) -> str:
    if part["number"]:
        return f"Section {part['number']}"
    return f"({part['letter']})" if part["letter"] else part["name"]


def sections(page: str) -> dict[str, str]:
    """Return the second-level headings of a page with the text below each."""
    pieces = re.split(r"^## (.+)$", read(page), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def test_every_cited_page_is_a_tracked_file() -> None:
    pages = set(tracked())

    missing = [
        f"{citing} cites {page}"
        for citing in tracked(*CITING)
        for page in sorted(cited_pages(read(citing)))
        if not candidates(page, citing) & pages
    ]

    assert missing == []


def test_every_cited_section_of_the_contract_exists() -> None:
    numbers = {
        int(match[1]) for title in sections(CONTRACT) if (match := re.match(r"(\d+)\. \w", title))
    }
    cited = {citing: cited_numbers(read(citing)) for citing in tracked(*CITING)}

    missing = {citing: found - numbers for citing, found in cited.items() if found - numbers}

    assert sum(map(bool, cited.values())) > 20, "the citations are no longer recognised"
    assert missing == {}


def test_every_cited_part_of_the_reliability_page_exists() -> None:
    there = sections(RELIABILITY)
    cited = {citing: cited_parts(read(citing)) for citing in tracked(*CITING)}

    missing = [
        f"{citing} cites {title} {item or ''}".strip()
        for citing, parts in cited.items()
        for title, item in sorted(parts, key=str)
        if not any(
            found.startswith(title) and (item is None or f"| {item} |" in text)
            for found, text in there.items()
        )
    ]

    assert sum(map(bool, cited.values())) > 10, "the citations are no longer recognised"
    assert missing == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(docs/openrouter-contract.md section 7)", {7}),
        ("docs/openrouter-contract.md sections 1 and 2, and more", {1, 2}),
        ("# (docs/openrouter-contract.md 3, 11).", {3, 11}),
        ("See docs/openrouter-contract.md\n    # section 4.", {4}),
        ("The whole of docs/openrouter-contract.md. 39 keys.", set()),
    ],
)
def test_the_numbers_of_sections_are_read_in_every_spelling(text: str, expected: set[int]) -> None:
    assert cited_numbers(text) == expected


def test_a_page_of_another_site_is_not_one_of_ours() -> None:
    text = "docs/api.md, [b](clients.md#part), `*.md`, https://github.com/one/two/blob/main/c.md"

    assert cited_pages(text) == {"docs/api.md", "clients.md"}
