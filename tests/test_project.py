"""The project as it is built: locks, version, import floors, Makefile targets, image."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ["requirements.lock", "requirements.run.lock", "requirements.sandbox.lock"]


def pinned(lock: str) -> dict[str, str]:
    """Package -> version, as far as it concerns this Python on this machine."""
    lines = re.findall(r"^([a-z0-9._-]+==.*?) *\\?$", (ROOT / lock).read_text(), re.MULTILINE)
    pins = [Requirement(line) for line in lines]
    return {
        pin.name: str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate()
    }


def wanted(*extras: str) -> set[str]:
    """The packages that the project asks for itself."""
    project = PROJECT["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {Requirement(line).name for line in lines}


def test_the_lock_has_every_dependency_within_its_bounds() -> None:
    extras = PROJECT["project"]["optional-dependencies"]

    lock = pinned("requirements.lock")

    asked = [Requirement(line) for lines in extras.values() for line in lines]
    asked += [Requirement(line) for line in PROJECT["project"]["dependencies"]]
    assert [str(one) for one in asked if not one.specifier.contains(lock.get(one.name, ""))] == []


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements.run.lock", ("postgres", "s3", "otel")),
        ("requirements.sandbox.lock", ("postgres", "s3", "otel", "sandbox")),
    ],
)
def test_what_the_image_runs_is_what_was_tested(lock: str, extras: tuple[str, ...]) -> None:
    tested, run = pinned("requirements.lock"), pinned(lock)

    assert wanted(*extras) - set(run) == set()
    assert {name: run[name] for name in run if tested.get(name) != run[name]} == {}
    assert {"pytest", "mypy", "openrouter"} & set(run) == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()

    pins = re.split(r"^(?=[a-z0-9._-]+==)", text, flags=re.MULTILINE)[1:]

    assert all("--hash=sha256:" in pin for pin in pins)
    assert "://" not in text
    assert "--index-url" not in text


def test_what_is_installed_is_what_the_lock_says() -> None:
    """Else a green run says little about anybody else's."""
    lock = pinned("requirements.lock")

    installed = {name: version(name) for name in wanted("dev", "postgres", "otel", "sandbox")}

    assert installed == {name: lock[name] for name in installed}


def test_the_version_is_one_everywhere() -> None:
    told = PROJECT["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert version("video-gateway") == told
    assert "## Unreleased" in changelog or f"## {told}" in changelog


def test_the_floors_hold() -> None:
    """Imports point down, never up, never sideways (docs/architecture.md)."""
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


def test_every_module_stands_on_a_floor() -> None:
    (floors, *_) = PROJECT["tool"]["importlinter"]["contracts"]
    named = {module.strip() for layer in floors["layers"] for module in layer.split("|")}
    present = {path.stem for path in (ROOT / "gateway").iterdir() if not path.name.startswith("__")}

    assert floors["exhaustive"] is True
    assert present - {"py"} <= named | {"__main__"}


def test_every_target_that_the_makefile_lists_makes_its_environment() -> None:
    makefile = (ROOT / "Makefile").read_text()

    rules = dict(re.findall(r"^([a-z]+):(.*?)## ", makefile, re.MULTILINE))

    assert {"demo", "test", "check", "bench", "lock"} <= set(rules)
    for target in ("demo", "test", "check", "bench"):
        assert ".venv/installed" in rules[target]


def test_the_image_copies_nothing_that_is_not_let_in() -> None:
    """`.dockerignore` leaves everything out but what it names."""
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:].split("/")[0] for line in ignore if line.startswith("!")}
    dockerfile = (ROOT / "Dockerfile").read_text()

    copied = {
        word.split("/")[0]
        for words in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE)
        for word in words.split()
    }
    locks = set(re.findall(r"requirements\.\w+\.lock", dockerfile))

    assert (copied - {"${LOCK}"}) | locks <= let_in


# tempfile has no other way to choose the folder of files that it makes.
_MAY_PATCH = {"tests/api/test_nothing_kept.py"}


def test_tests_inject_instead_of_patching() -> None:
    patching = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("*.py")
        if re.search(r"mock\.patch|patch\.object\(|monkeypatch\.setattr\(", path.read_text())
        and path != Path(__file__)
    }

    assert patching <= _MAY_PATCH
