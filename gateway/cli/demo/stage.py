"""The two programs that the demo runs, each a process of its own, and the keys of its teams."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gateway.adapters.admin_token import read_token, token_path
from gateway.cli.demo.failed import DemoFailed
from gateway.cli.demo.http import call
from gateway.cli.demo.subscriber import Subscriber, subscribed
from gateway.config.loader import load

TEAMS = ("studio", "newsroom", "clinic")
WEBHOOK_SECRET = "demo-upstream-secret"  # noqa: S105 - of config/demo.yaml, which everybody can read
_START = 30.0  # seconds until a program must answer; each takes about one
_STOP = 10.0  # seconds until a program that was told to stop is killed


@dataclass(frozen=True, slots=True)
class Scenery:
    """What a stage is built from."""

    config: Path
    output: Path
    speed: float  # sandbox seconds in one of ours
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything is."""

    gateway: str  # origin of the team-facing listener
    admin: str
    sandbox: str
    keys: Mapping[str, str]  # team -> its bearer key
    processes: Mapping[str, subprocess.Popen[bytes]]
    subscriber: Subscriber
    output: Path

    @property
    def api(self) -> str:
        """What a client's base URL is set to."""
        return f"{self.gateway}/api/v1"

    def log(self, program: str) -> Path:
        """What `gateway` or `sandbox` has said."""
        return self.output / f"{program}.log"

    def ledger(self) -> Any:
        """What reached the upstream, as the sandbox saw it."""
        return call("GET", f"{self.sandbox}/sandbox/v1/ledger").json

    def metrics(self) -> dict[str, float]:
        """Every series on the metrics page with its value."""
        page = call("GET", f"{self.admin}/metrics").body.decode()
        lines = [line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def submits(self) -> int:
        """How many paid generations the upstream was asked for."""
        return len(self.ledger()["submits"])


@contextmanager
def open_stage(scenery: Scenery) -> Iterator[Stage]:
    """Start sandbox and gateway on free loopback ports, make the keys, and stop both at the end.

    Their state lives in a temporary folder and is gone afterwards; logs and videos stay in
    `output`.

    Raises:
        DemoFailed: one of them did not start.

    """
    port, admin, upstream = _free_ports(3)
    sandbox = ("sandbox", "--listen", f"127.0.0.1:{upstream}", "--speed", str(scenery.speed))
    nature = ("--generation-seconds", "35", "--in-progress", "always", "--seed", "7")
    gateway = ("serve", "--config", str(scenery.config))
    with ExitStack() as stack:
        subscriber = stack.enter_context(subscribed())
        state = stack.enter_context(TemporaryDirectory(prefix="video-gateway-demo-"))
        env = {
            **scenery.environ,
            "VIDEO_DEMO_PORT": str(port),
            "VIDEO_DEMO_ADMIN_PORT": str(admin),
            "VIDEO_DEMO_UPSTREAM": f"http://127.0.0.1:{upstream}/api/v1",
            "VIDEO_DEMO_STATE": state,
            "VIDEO_DEMO_HOOK": subscriber.url,
            "VIDEO_SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }
        stage = Stage(
            gateway=f"http://127.0.0.1:{port}",
            admin=f"http://127.0.0.1:{admin}",
            sandbox=f"http://127.0.0.1:{upstream}",
            keys={},
            processes={
                "sandbox": _program(stack, (*sandbox, *nature), env, scenery.output, "sandbox"),
                "gateway": _program(stack, gateway, env, scenery.output, "gateway"),
            },
            subscriber=subscriber,
            output=scenery.output,
        )
        _await(f"{stage.sandbox}/sandbox/v1/health", "sandbox", stage)
        _await(f"{stage.gateway}/readyz", "gateway", stage)
        token = read_token(token_path(load(scenery.config, env).config))
        yield replace(stage, keys={team: _make_key(stage, team, token) for team in TEAMS})


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on. Somebody may take one before we do: then the start fails."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _program(
    stack: ExitStack, words: Sequence[str], env: Mapping[str, str], output: Path, name: str
) -> subprocess.Popen[bytes]:
    out = stack.enter_context((output / f"{name}.log").open("wb"))
    program = subprocess.Popen(  # noqa: S603 - this very program, with words of our own
        (sys.executable, "-m", "gateway", *words),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the demo, which then stops them in order
    )
    stack.callback(_stop, program)
    return program


def _stop(program: subprocess.Popen[bytes]) -> None:
    program.terminate()
    try:
        program.wait(_STOP)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def _await(url: str, name: str, stage: Stage) -> None:
    """Until the program answers 200, or is gone."""
    program, log = stage.processes[name], stage.log(name)

    def up() -> bool:
        if program.poll() is not None:
            raise DemoFailed(f"the {name} did not start; {log} ends with:\n{_tail(log)}")
        try:
            return call("GET", url).status == 200
        except (OSError, HTTPException):
            return False

    if not until(up, _START):
        raise DemoFailed(f"the {name} was not ready within {_START:.0f} s; see {log}")


def until(true: Callable[[], bool], seconds: float, every: float = 0.1) -> bool:
    """Ask until it is true; False if it never was within that time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True


def _make_key(stage: Stage, team: str, token: str) -> str:
    """What `video-gateway keys create` does while a gateway runs."""
    body = {"team": team, "name": "demo"}
    made = call("POST", f"{stage.admin}/admin/v1/keys", key=token, body=body)
    if made.status != 201:
        raise DemoFailed(f"no key could be made for team {team}: {made.body.decode()}")
    return str(made.json["key"])


def _tail(log: Path, lines: int = 5) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
