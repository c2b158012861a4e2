"""What contributors rely on: hooks, CI, issue forms, pages, and rules for tracked files."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gateway.cli.main import app

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
YAML_FILES = [ROOT / ".pre-commit-config.yaml", *sorted((ROOT / ".github").rglob("*.yml"))]

# Joined here, so that this file does not hold what it looks for.
REGISTRIES = [
    "pypi" + ".org",
    "python" + "hosted",
    "npm" + "js",
    "registry" + ".yarn",
    "/simp" + "le/",
]
MACHINES = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/"]


def git_lists(*options: str) -> list[str]:
    """The names that `git ls-files` prints; skips the test outside a checkout."""
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z", *options], cwd=ROOT, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [name for name in done.stdout.decode().split("\0") if name]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def recipe(target: str) -> str:
    """The lines of a target of the Makefile, with its variables expanded."""
    makefile = (ROOT / "Makefile").read_text()
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert found is not None
    text = found[1]
    variables = dict(re.findall(r"^([A-Z_]+) := (.*)$", makefile, re.MULTILINE))
    while used := re.search(r"\$\((\w+)\)", text):
        text = text.replace(used[0], variables[used[1]])
    return text


def check_steps() -> dict[str, str]:
    """Name -> command of each step of `make check`."""
    return dict(re.findall(r"^\t@\.ci/step (\w+) (.+)$", recipe("check"), re.MULTILINE))


def test_hooks_run_the_steps_of_make_check_that_take_seconds() -> None:
    (local,) = parsed(".pre-commit-config.yaml")["repos"]
    steps = check_steps()

    hooks = {hook["id"]: hook["entry"] for hook in local["hooks"]}

    assert local["repo"] == "local"
    assert steps.pop("tests").startswith(".venv/bin/pytest")
    assert hooks == steps


@pytest.mark.parametrize("path", YAML_FILES, ids=named)
def test_yaml_of_the_repository_parses_to_a_mapping(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_ci_runs_the_check_on_every_supported_python() -> None:
    job = parsed(".github/workflows/check.yml")["jobs"]["check"]
    prefix = "Programming Language :: Python :: "
    supported = [
        line.removeprefix(prefix) for line in PROJECT["classifiers"] if line.startswith(prefix)
    ]

    versions = job["strategy"]["matrix"]["python"]

    assert [step["run"] for step in job["steps"] if "run" in step][-1] == ".ci/run"
    assert versions == supported
    assert PROJECT["requires-python"] == f">={versions[0]}"


@pytest.mark.parametrize("path", [form for form in FORMS if form.stem != "config"], ids=named)
def test_issue_form_has_a_name_and_questions_with_their_own_ids(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    questions = [part for part in form["body"] if part["type"] != "markdown"]

    assert form["name"]
    assert form["description"]
    assert all(question["attributes"]["label"] for question in questions)
    assert len({question["id"] for question in questions}) == len(questions)


def test_every_link_to_the_hosted_project_has_the_same_owner() -> None:
    source = PROJECT["urls"]["Source"]
    pages = [ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md", *FORMS]

    links = [*PROJECT["urls"].values()]
    links += [
        link
        for page in pages
        for link in re.findall(r"https://github\.com/[^\s)]+", page.read_text())
    ]

    assert len(links) > len(PROJECT["urls"])
    assert [link for link in links if not link.startswith(source)] == []


def test_version_option_prints_the_version_of_the_project() -> None:
    result = CliRunner().invoke(app, ["--version"])

    assert result.stdout == f"video-gateway {PROJECT['version']}\n"


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md"])
def test_code_that_a_contributor_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    paths = re.findall(r"`([\w.]+/[\w/]*(?:\.py)?)`", text)

    missing = [
        path for path in paths if not ((ROOT / path).exists() or (ROOT / "gateway" / path).exists())
    ]

    assert len(paths) > 5
    assert missing == []


def step(name: str, script: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / ".ci" / "step"), name, "sh", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_step_that_passes_prints_one_line() -> None:
    done = step("lint", "echo noise; echo more >&2")

    assert (done.returncode, done.stdout, done.stderr) == (0, "lint        ok\n", "")


def test_a_test_run_that_passes_ends_with_what_was_skipped_and_the_summary() -> None:
    skipped = "SKIPPED [1] tests/test_x.py:1: strace is not installed"
    summary = "=== 3 passed, 1 skipped in 61.20s (0:01:01) ==="

    done = step("tests", f"echo noise; echo '{skipped}'; echo '{summary}'")

    assert done.stdout.splitlines() == ["tests       ok", skipped, summary]


def test_a_step_that_fails_prints_its_command_and_output_and_keeps_the_exit_code() -> None:
    done = step("types", "echo first; echo second >&2; exit 3")

    assert done.returncode == 3
    assert done.stdout.splitlines()[0] == "types       failed"
    assert done.stdout.splitlines()[2:] == ["first", "second"]
    assert "sh -c" in done.stdout


def test_packages_are_installed_quietly() -> None:
    """pip's warnings about a mirror that does not answer would bury the output of `make demo`."""
    makefile = (ROOT / "Makefile").read_text()
    installs = [
        line for line in makefile.splitlines() if re.match(r"\t.*(PIP_INSTALL|pip -q)", line)
    ]

    assert len(installs) == 3
    assert all("$(STEP) " in line for line in installs)


@pytest.mark.parametrize("words", [REGISTRIES, MACHINES], ids=["registries", "machines"])
def test_no_file_names_a_package_registry_or_a_path_of_some_machine(words: list[str]) -> None:
    paths = [ROOT / name for name in git_lists()]
    files = [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]
    pattern = re.compile("|".join(rf"(?<![\w.-]){re.escape(word)}" for word in words))

    found = [
        f"{named(path)}: {match[0]}"
        for path in files
        if (match := pattern.search(path.read_text(errors="replace")))
    ]

    assert len(files) > 100
    assert found == []


def test_no_tracked_file_is_ignored() -> None:
    assert git_lists("--cached", "--ignored", "--exclude-standard") == []


def test_git_ignores_everything_that_make_clean_removes() -> None:
    removed = re.sub(r"\\\n", " ", recipe("clean")).split()[2:]
    ignored = (ROOT / ".gitignore").read_text().splitlines()

    assert {f"{name}/" for name in removed} <= set(ignored)
