"""docs/architecture.md matches the code: its file map, its walk-throughs and its error table."""

import ast
import re
from pathlib import Path

import pytest

from gateway.api.errors import STATUS

ROOT = Path(__file__).parents[1]
GATEWAY = ROOT / "gateway"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
STEPS = re.findall(r"^\| [^|]+ \| `([\w/]+\.py)` \| `([\w.]+)` \|$", PAGE, re.MULTILINE)
CITED = re.compile(r"docs/architecture\.md, ([A-Za-z0-9' ]+)")


def modules() -> set[str]:
    """Every module but the packages' own files and the entry point."""
    found = {path.relative_to(GATEWAY).as_posix() for path in GATEWAY.rglob("*.py")}
    return {path for path in found if not path.endswith(("__init__.py", "__main__.py"))}


def definitions(path: Path) -> set[str]:
    """Names of functions and classes, and of methods as `Class.method`."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, kinds):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{one.name}" for one in node.body if isinstance(one, kinds)}
    return found


def test_the_file_map_lists_every_module_once() -> None:
    listed = re.findall(r"^- `([\w/]+\.py)`: .{3,}", PAGE, re.MULTILINE)

    assert sorted(listed) == sorted(modules())


@pytest.mark.parametrize(("module", "name"), STEPS, ids=lambda part: str(part))
def test_every_step_of_a_walk_names_a_function_that_exists(module: str, name: str) -> None:
    assert name in definitions(GATEWAY / module)


def test_the_page_walks_through_submit_webhook_and_download() -> None:
    assert len(STEPS) > 30


def test_every_module_that_the_text_names_exists() -> None:
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py)`", PAGE))

    assert {name for name in named if not (GATEWAY / name).exists()} == set()


def test_the_error_table_is_the_codes() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (\d{3}) \|$", PAGE, re.MULTILINE)

    table = {reason: int(status) for names, status in rows for reason in re.findall(r"\w+", names)}

    assert table == {reason.value: status for reason, status in STATUS.items()}


def test_every_section_that_the_source_cites_exists() -> None:
    titles = {title.lower() for title in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)}
    rules = set(re.findall(r"^(\d)\. ", PAGE, re.MULTILINE))
    cited = {
        match[1].strip().lower()
        for path in GATEWAY.rglob("*.py")
        for match in CITED.finditer(" ".join(path.read_text().split()))
    }

    unknown = {
        words
        for words in cited
        if words not in titles and words.removeprefix("rule").strip() not in rules
    }

    assert cited
    assert unknown == set()
