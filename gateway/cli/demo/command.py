"""The `demo` command: check requirements, run the scenes, print a summary."""

import importlib.util
import shlex
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.demo.failed import DemoFailed
from gateway.cli.demo.stage import Settings, Stage, open_stage
from gateway.cli.demo.terminal import Terminal
from gateway.config.source import environment

if TYPE_CHECKING:
    from gateway.cli.demo.scenes import Show

_LIMIT = 120  # seconds for all scenes; the SDK retries some failures for up to an hour


def demo(
    config: Annotated[
        Path, typer.Option(help="The gateway's configuration; it must contain the demo's teams.")
    ] = Path("config/demo.yaml"),
    output: Annotated[Path, typer.Option(help="Folder for videos and logs.")] = Path("demo-output"),
    speed: Annotated[
        float, typer.Option(min=1, help="Sandbox seconds per second; a job takes 35 of them.")
    ] = 10.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep both programs running until Ctrl-C.")
    ] = False,
) -> None:
    """Run the gateway against the sandbox upstream and show what it does. Costs nothing.

    Exits 0 if every scene passes, 1 if one fails.
    """
    environ = environment()
    colour = sys.stdout.isatty() and "NO_COLOR" not in environ and environ.get("TERM") != "dumb"
    terminal = Terminal(sys.stdout, colour=colour)
    try:
        check_tools(config)
        output.mkdir(parents=True, exist_ok=True)
        with _sigterm_as_ctrl_c():
            _run(terminal, Settings(config, output, speed, environ), keep)
    except DemoFailed as error:
        terminal.failed(str(error))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        terminal.blank()
        terminal.say("Stopped.")
        raise typer.Exit(130) from None


def _run(terminal: Terminal, settings: Settings, keep: bool) -> None:
    from gateway.cli.demo.scenes import Show, run_scenes  # the SDK may not be installed

    started = time.monotonic()
    terminal.title(
        "video-gateway demo: a gateway and a sandbox upstream over real HTTP, at no cost"
    )
    terminal.say("Starting both programs ...")
    with open_stage(settings) as stage:
        terminal.fact("gateway", stage.api)
        terminal.fact("upstream", f"{stage.sandbox}/api/v1  (the sandbox, {settings.speed:g} x)")
        terminal.fact("logs", ", ".join(str(stage.log(name)) for name in stage.processes))
        show = Show(stage, terminal)
        with _limited():
            run_scenes(show)
            _print_summary(show, time.monotonic() - started)
        if keep:
            _wait_for_ctrl_c(terminal, stage, show.jobs["fox"].id)


def _print_summary(show: "Show", seconds: float) -> None:
    """Print every job of the upstream with its cost, the total cost and the files."""
    terminal, ledger = show.terminal, show.stage.ledger()
    terminal.blank()
    terminal.title("Summary")
    for job in ledger["jobs"]:
        details = f"{job['seconds']:2} s {job['resolution']}  {job['charged_usd']:>4} USD"
        terminal.fact(job["status"], f"{details}  {job['model']}")
    terminal.fact("charged", f"{ledger['charged_usd']} USD so far, for {len(ledger['jobs'])} jobs")
    terminal.fact("files", ", ".join(str(path) for path in show.files))
    terminal.passed(f"every scene passed, in {seconds:.0f} s")


def _wait_for_ctrl_c(terminal: Terminal, stage: Stage, job_id: str) -> None:
    """Print addresses, keys and sample commands, then wait for Ctrl-C."""
    terminal.blank()
    terminal.title("Both programs are still running; press Ctrl-C to stop them")
    terminal.fact("gateway", stage.api)
    terminal.fact("metrics", f"{stage.admin}/metrics")
    terminal.fact("sandbox", f"{stage.sandbox}/sandbox/v1/ledger")
    terminal.fact("its token", stage.control_token)
    for team, key in stage.keys.items():
        terminal.fact(f"key {team}", key)
    terminal.blank()
    terminal.code(curl_lines(stage, job_id))
    try:
        while all(program.poll() is None for program in stage.processes.values()):
            time.sleep(0.2)
    except KeyboardInterrupt:
        terminal.blank()
        terminal.say("Stopped.")
        return
    raise DemoFailed("one of the two programs has exited; see its log")


def curl_lines(stage: Stage, job_id: str) -> list[str]:
    """Return commands to copy into a shell while both programs run."""
    bearer = shlex.quote(f"Authorization: Bearer {stage.keys['studio']}")
    body = '{"model": "x-ai/grok-imagine-video", "prompt": "A tram at dawn", "duration": 2}'
    json = "-H 'Content-Type: application/json'"
    return [
        f"curl -s {stage.api}/videos/models -H {bearer}",
        f"curl -s {stage.api}/videos -H {bearer} {json} -d {shlex.quote(body)}",
        f"curl -s {stage.api}/videos/{job_id} -H {bearer}",
        f"curl -s -o again.mp4 '{stage.api}/videos/{job_id}/content?index=0' -H {bearer}",
        f"curl -s {stage.admin}/metrics",
    ]


def check_tools(
    config: Path, find: Callable[[str], object | None] = importlib.util.find_spec
) -> None:
    """Check everything that the scenes need before any of them starts.

    `find` returns None if a package is not installed.

    Raises:
        DemoFailed: something is missing.

    """
    if not config.is_file():
        raise DemoFailed(
            f"{config} does not exist; run the demo in the repository, or pass --config PATH"
        )
    missing = [name for name in ("openrouter", "av") if find(name) is None]
    if missing:
        raise DemoFailed(
            f"the demo needs {' and '.join(missing)}, which a production install does not contain;"
            " `make demo` installs both (the extras dev and sandbox)"
        )
    if urllib.request.getproxies().get("http") and not urllib.request.proxy_bypass("127.0.0.1"):
        raise DemoFailed(
            "the environment sets an HTTP proxy that also covers 127.0.0.1; set NO_PROXY=127.0.0.1"
        )


@contextmanager
def _limited() -> Iterator[None]:
    """Fail the demo after `_LIMIT` seconds; the SDK retries for much longer."""

    def time_out(_number: int, _frame: FrameType | None) -> None:
        raise DemoFailed(f"the scenes did not finish within {_LIMIT} s; see the logs")

    before = signal.signal(signal.SIGALRM, time_out)
    signal.alarm(_LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Handle SIGTERM like Ctrl-C, so that the demo stops the programs it started."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
