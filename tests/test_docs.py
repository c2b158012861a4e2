"""Documentation matches the code: examples run, tables are complete, links resolve.

docs/configuration.md, docs/sandbox.md, docs/metrics.md and docs/webhooks.md have tests of their
own, beside what they describe; of those only the links are looked at here.
"""

import asyncio
import re
import shlex
import sys
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.api.errors import STATUS
from gateway.cli.main import app
from gateway.config.loader import parse
from gateway.sandbox import Sandbox, SandboxConfig
from tests.fakes.clock import FakeClock
from tests.harness import KEYS, RunningGateway, flowing, running_gateway
from tests.sdk_js.programs import Unavailable, installed

ROOT = Path(__file__).parents[1]
ALL = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
ELSEWHERE = {"configuration.md", "sandbox.md", "metrics.md", "webhooks.md"}
PAGES = [page for page in ALL if page.name not in ELSEWHERE]

# Where the examples have the gateway, and the key they show.
ADDRESS, KEY = "http://127.0.0.1:8080", "vg_..."

# What an operator has and a test does not; these lines are for readers only. Those of
# docs/deploying.md are checked in tests/deploy/test_page.py.
FOREIGN = {"docker", "export", "git", "kill", "sqlite3"} | {
    *("createdb", "createuser", "haproxy", "helm", "install", "kubectl", "nginx"),
    *("pip", "python3", "systemctl", "systemd-run"),
}


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Example:
    """Something that a page shows; `text` of one of its blocks, or one line of that."""

    place: str
    text: str

    def __str__(self) -> str:
        return self.place


def blocks(language: str) -> list[Example]:
    """Every fenced block in this language, on every page."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            line = text[: match.start()].count("\n") + 1
            found.append(Example(f"{named(page)}:{line}", match[1]))
    return found


def commands() -> list[Example]:
    """Every command in the shell blocks; in a console block those after the prompt."""
    typed = [(block, block.text.splitlines()) for block in blocks("sh")]
    typed += [(block, re.findall(r"(?m)^\$ (.*)", block.text)) for block in blocks("console")]
    return [
        Example(f"{block} {line[:40]}", line)
        for block, lines in typed
        for line in lines
        if line.strip() and not line.startswith("#")
    ]


def section(page: str, title: str) -> str:
    """The text below a heading, up to the next of its kind."""
    text = (ROOT / page).read_text()
    match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert match is not None, f"{page} has no section {title!r}"
    return match[1]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def gateway(clock: FakeClock, sqlite_url: str) -> AsyncIterator[RunningGateway]:
    sandbox = await Sandbox.start(SandboxConfig(seed=7, generation_seconds=(2.0, 2.0)), clock)
    try:
        async with running_gateway(sandbox, sqlite_url, clock=clock) as running:
            yield running
    finally:
        await sandbox.close()


def here(example: str, gateway: RunningGateway) -> str:
    """The example as it is written for this gateway."""
    return example.replace(ADDRESS, gateway.origin).replace(KEY, KEYS["growth"])


async def run(*words: str, cwd: Path) -> str:
    """Run a program to its end; what it printed."""
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return printed.decode()


@pytest.mark.parametrize("example", blocks("python"), ids=str)
async def test_every_python_example_runs(
    example: Example, gateway: RunningGateway, clock: FakeClock, tmp_path: Path
) -> None:
    source = here(example.text, gateway).replace("time.sleep(2)", "time.sleep(0.05)")

    async with flowing(clock):
        printed = await run(sys.executable, "-c", source, cwd=tmp_path)

    videos = films(tmp_path)
    assert printed or videos
    assert all(video[4:8] == b"ftyp" for video in videos)


def films(folder: Path) -> list[bytes]:
    """What was downloaded."""
    return [path.read_bytes() for path in folder.glob("*.mp4")]


@pytest.mark.parametrize("example", blocks("js"), ids=str)
async def test_every_javascript_example_runs(
    example: Example, gateway: RunningGateway, clock: FakeClock
) -> None:
    try:
        programs = installed()
    except Unavailable as error:
        pytest.skip(f"the TypeScript SDK is not tested: {error}")

    async with flowing(clock):
        printed = await programs.run_source(here(example.text, gateway))

    assert re.search(r"completed 0\.\d+ \[|video/mp4 \d{4,}", printed), printed


@pytest.mark.parametrize("line", [c for c in commands() if "curl" in c.text], ids=str)
async def test_every_curl_line_is_answered(
    line: Example, gateway: RunningGateway, tmp_path: Path
) -> None:
    printed = await run("bash", "-c", here(line.text, gateway), cwd=tmp_path)

    assert '"error"' not in printed
    assert re.search(r'"(data|id)":', printed)


@pytest.mark.parametrize("line", [c for c in commands() if "curl" not in c.text], ids=str)
def test_every_command_exists_with_its_options(line: Example) -> None:
    words = shlex.split(line.text, comments=True)
    command = Path(words[0]).name

    if command == "make":
        assert re.search(rf"^{words[1]}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif command == "video-gateway":
        # An option that does not exist is complained of before --help is obeyed.
        told = CliRunner().invoke(app, [*words[1:], "--help"])
        assert told.exit_code == 0, told.output
    else:
        assert command in FOREIGN


@pytest.mark.parametrize("example", blocks("yaml"), ids=str)
def test_every_configuration_example_loads(example: Example) -> None:
    around = {
        "upstreams": "upstreams: {only: {base_url: https://openrouter.ai/api/v1, api_key: k}}",
        "teams": "teams: {growth: {}}",
    }
    text = example.text.replace("0" * 64, "ab" * 32)  # a placeholder that no gateway takes
    missing = [
        line for key, line in around.items() if not re.search(rf"^{key}:", text, re.MULTILINE)
    ]
    names = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", text), "a-secret-that-is-long-enough")

    loaded = parse("\n".join([text, *missing]), names)

    assert loaded.config.teams


def test_no_block_is_in_a_language_that_nobody_looks_at() -> None:
    seen = {
        language
        for page in PAGES
        for language in re.findall(r"^```(\w+)$", page.read_text(), re.MULTILINE)
    }

    assert seen <= {"python", "js", "ts", "go", "sh", "console", "yaml", "json"}
    assert {"python", "js", "sh", "yaml"} <= seen


@pytest.mark.parametrize("page", ALL, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    prose = re.sub(r"^```.*?^```|`[^`\n]+`", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)

    assert dead == []


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("page", "title", "listener"),
    [
        ("README.md", "Endpoints", "public"),
        ("docs/api.md", "Endpoints", "public"),
        ("docs/operations.md", "The operators' API", "admin"),
    ],
)
async def test_every_route_is_on_the_page_and_no_other(
    page: str, title: str, listener: str, gateway: RunningGateway
) -> None:
    served = gateway.gateway.public if listener == "public" else gateway.gateway.admin
    routes = {
        re.sub(r":[^}]+}", "}", route.resource.canonical)
        for route in served.router.routes()
        if route.resource is not None and route.method != "OPTIONS"
    }

    cells = re.findall(r"^\| (`(?:GET|POST|HEAD|DELETE).*?) \|", section(page, title), re.MULTILINE)
    told = {path for cell in cells for path in re.findall(r"(/[^`]*)`", cell)}

    assert told == routes


def test_every_reason_is_in_the_table_with_its_status() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d{3}) \| .{10,}? \|$", section("docs/api.md", "Errors"), re.MULTILINE
    )

    assert {reason: int(status) for reason, status in rows} == {
        reason.value: status for reason, status in STATUS.items()
    }


def test_every_header_of_ours_is_on_the_page() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "gateway" / "api").rglob("*.py"))
    headers = set(re.findall(r"X-Gateway-[A-Za-z-]+", sources))

    missing = {header for header in headers if header not in (ROOT / "docs/api.md").read_text()}

    assert len(headers) >= 4
    assert missing == set()


def test_every_dependency_has_its_reason_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[\[<>=]", requirement)[0] for requirement in requirements}

    def rows(title: str, columns: int) -> set[tuple[str, ...]]:
        text = section("docs/dependencies.md", title)
        cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()]
        rows = [row for row in cells if len(row) == columns and not row[0].startswith("-")]
        assert all(len(row[-1]) > 8 for row in rows[1:]), "a reason is missing"
        return {tuple(row[:-1]) for row in rows[1:]}

    assert rows("To run", 2) == {(name,) for name in names(project["dependencies"])}
    assert rows("To develop", 2) == {(name,) for name in names(extras["dev"])}
    assert rows("Extras", 3) == {
        (name, extra) for extra in extras if extra != "dev" for name in names(extras[extra])
    }


def test_the_readme_names_every_page() -> None:
    readme = (ROOT / "README.md").read_text()

    pages = {named(page) for page in (ROOT / "docs").glob("*.md")}

    assert {page for page in pages if f"({page})" not in readme} == set()


def test_decisions_are_numbered_in_a_row() -> None:
    numbers = sorted(int(page.name[:4]) for page in (ROOT / "docs" / "decisions").glob("*.md"))

    assert numbers == list(range(1, len(numbers) + 1))
