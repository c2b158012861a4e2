"""The command: check what it needs, play the scenes, say where everything is."""

import importlib.util
import shlex
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.demo.failed import DemoFailed
from gateway.cli.demo.stage import Scenery, Stage, open_stage
from gateway.cli.demo.terminal import Terminal
from gateway.config.source import environment

if TYPE_CHECKING:
    from gateway.cli.demo.scenes import Show

_LIMIT = 120  # seconds for all scenes; the SDK would retry some failures for an hour


def demo(
    config: Annotated[
        Path, typer.Option(help="The gateway's configuration; the demo's own names its teams.")
    ] = Path("config/demo.yaml"),
    output: Annotated[Path, typer.Option(help="Where videos and logs are put.")] = Path(
        "demo-output"
    ),
    speed: Annotated[
        float, typer.Option(min=1, help="Sandbox seconds in one of ours: a job has 35 of them.")
    ] = 10.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave both running afterwards, until Ctrl-C.")
    ] = False,
) -> None:
    """Run the gateway against the emulated upstream and show what it does. Nothing is paid.

    Exits 0 if every scene did what it says, 1 if one did not.
    """
    environ = environment()
    colour = sys.stdout.isatty() and "NO_COLOR" not in environ and environ.get("TERM") != "dumb"
    terminal = Terminal(sys.stdout, colour=colour)
    try:
        _check_tools(config)
        output.mkdir(parents=True, exist_ok=True)
        with _stoppable():
            _play(terminal, Scenery(config, output, speed, environ), keep)
    except DemoFailed as error:
        terminal.failed(str(error))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        terminal.blank()
        terminal.say("Stopped.")
        raise typer.Exit(130) from None


def _play(terminal: Terminal, scenery: Scenery, keep: bool) -> None:
    from gateway.cli.demo.scenes import Show, play  # needs the SDK, which may be missing

    begun = time.monotonic()
    terminal.title("video-gateway demo: a sandbox upstream and a gateway, real HTTP, nothing paid")
    terminal.say("Starting both ...")
    with open_stage(scenery) as stage:
        terminal.fact("gateway", stage.api)
        terminal.fact("upstream", f"{stage.sandbox}/api/v1  (the sandbox, {scenery.speed:g} x)")
        terminal.fact("logs", ", ".join(str(stage.log(name)) for name in stage.processes))
        show = Show(stage, terminal)
        with _limited():
            play(show)
            _tell_sum(show, time.monotonic() - begun)
        if keep:
            _keep(terminal, stage, show.jobs["fox"].id)


def _tell_sum(show: "Show", seconds: float) -> None:
    """Every job that the upstream made, what it cost, and where the files are."""
    terminal, ledger = show.terminal, show.stage.ledger()
    terminal.blank()
    terminal.title("What happened")
    for job in ledger["jobs"]:
        what = f"{job['seconds']:2} s {job['resolution']}  {job['charged_usd']:>4} USD"
        terminal.fact(job["status"], f"{what}  {job['model']}")
    terminal.fact("paid", f"{ledger['charged_usd']} USD so far, for {len(ledger['jobs'])} jobs")
    terminal.fact("files", ", ".join(str(path) for path in show.files))
    terminal.proved(f"every scene did what it says, in {seconds:.0f} s")


def _keep(terminal: Terminal, stage: Stage, job_id: str) -> None:
    """Say how to go on by hand, and wait to be stopped."""
    terminal.blank()
    terminal.title("Both are still running; Ctrl-C stops them")
    terminal.fact("gateway", stage.api)
    terminal.fact("operators", f"{stage.admin}/metrics")
    terminal.fact("sandbox", f"{stage.sandbox}/sandbox/v1/ledger")
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
    raise DemoFailed("one of the two programs has ended; see its log")


def curl_lines(stage: Stage, job_id: str) -> list[str]:
    """Commands that work as they stand, while both run."""
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


def _check_tools(config: Path) -> None:
    """Everything that would only be missed halfway through."""
    if not config.is_file():
        raise DemoFailed(f"there is no {config}; run it in the repository, or name one: --config")
    missing = [name for name in ("openrouter", "av") if importlib.util.find_spec(name) is None]
    if missing:
        raise DemoFailed(
            f"the demo needs {' and '.join(missing)}, which a production install leaves out;"
            " `make demo` installs everything (the extras dev and sandbox)"
        )
    if urllib.request.getproxies().get("http") and not urllib.request.proxy_bypass("127.0.0.1"):
        raise DemoFailed("a proxy is set, and would be asked for 127.0.0.1; set NO_PROXY=127.0.0.1")


@contextmanager
def _limited() -> Iterator[None]:
    """End what takes far too long: the SDK would go on trying."""

    def late(_number: int, _frame: FrameType | None) -> None:
        raise DemoFailed(f"this takes longer than {_LIMIT} s; see the logs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(_LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM stops the demo as Ctrl-C does, so that what it started is stopped, too."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
