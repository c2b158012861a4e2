"""What source, tests and pages cite is in the repository."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CITED = re.compile(r"(?<![\w/.-])((?:docs/(?:decisions/)?)?[A-Za-z0-9_-]+\.md)\b")
CONTRACT = (ROOT / "docs" / "openrouter-contract.md").read_text()
SECTION = re.compile(r"docs/openrouter-contract\.md,? (?:sections? )?(\d+)(?: and (\d+)|, (\d+))?")


def tracked() -> list[str]:
    try:
        listed = subprocess.run(
            ("git", "ls-files", "--cached", "--others", "--exclude-standard"),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("git does not know this folder, so what is tracked is not known")
    return listed.stdout.splitlines()


def texts(files: list[str]) -> dict[str, str]:
    endings = (".py", ".md", ".yaml", ".yml", ".toml")
    return {name: (ROOT / name).read_text() for name in files if name.endswith(endings)}


def test_every_page_that_is_cited_is_tracked() -> None:
    files = tracked()
    pages = {name for name in files if name.endswith(".md")}
    by_name = {Path(page).name for page in pages}

    missing = {
        (name, cited)
        for name, text in texts(files).items()
        for cited in CITED.findall(text)
        if cited not in pages and Path(cited).name not in by_name and "NNNN" not in cited
    }

    assert missing == set()


def test_every_section_of_the_contract_that_is_cited_exists() -> None:
    sections = set(re.findall(r"^## (\d+)\.", CONTRACT, re.MULTILINE))
    cited = {
        (name, number)
        for name, text in texts(tracked()).items()
        for found in SECTION.findall(text)
        for number in found
        if number
    }

    assert len(cited) > 20
    assert {(name, number) for name, number in cited if number not in sections} == set()
