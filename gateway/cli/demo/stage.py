"""Starts and stops the gateway and the sandbox as processes, and creates the teams' keys."""

import secrets
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
from gateway.cli.demo.http import Answer, call
from gateway.cli.demo.subscriber import Subscriber, running_subscriber
from gateway.config.loader import load

TEAMS = ("studio", "newsroom", "clinic")
WEBHOOK_SECRET = "demo-upstream-secret"  # noqa: S105 - the published value in config/demo.yaml
_START = 30.0  # seconds for a program to become ready; each takes about one
_STOP = 10.0  # seconds from SIGTERM to SIGKILL


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of the demo."""

    config: Path
    output: Path
    speed: float  # sandbox seconds per second
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """The running programs: their addresses, keys and processes."""

    gateway: str  # origin of the team-facing listener
    admin: str
    sandbox: str
    control_token: str
    keys: Mapping[str, str]  # team -> its bearer key
    processes: Mapping[str, subprocess.Popen[bytes]]
    subscriber: Subscriber
    output: Path

    @property
    def api(self) -> str:
        """Return the base URL for a client."""
        return f"{self.gateway}/api/v1"

    def log(self, program: str) -> Path:
        """Return the path of the log of `gateway` or `sandbox`."""
        return self.output / f"{program}.log"

    def control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Call the sandbox's control API."""
        url = f"{self.sandbox}/sandbox/v1/{path}"
        return call(method, url, key=self.control_token, body=body)

    def ledger(self) -> Any:
        """Fetch the sandbox's record of everything that reached the upstream."""
        return self.control("GET", "ledger").json

    def metrics(self) -> dict[str, float]:
        """Fetch the value of every series on the metrics page."""
        page = call("GET", f"{self.admin}/metrics").body.decode()
        lines = [line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def submits(self) -> int:
        """Count the submits that reached the upstream."""
        return len(self.ledger()["submits"])


@contextmanager
def open_stage(settings: Settings) -> Iterator[Stage]:
    """Start sandbox and gateway on free loopback ports, create keys, and stop both at the end.

    Their state lives in a temporary folder that is deleted at the end; logs and videos stay in
    `output`.

    Raises:
        DemoFailed: a program did not start.

    """
    port, admin, upstream = _free_ports(3)
    sandbox = ("sandbox", "--listen", f"127.0.0.1:{upstream}", "--speed", str(settings.speed))
    job_options = ("--generation-seconds", "35", "--in-progress", "always", "--seed", "7")
    gateway = ("serve", "--config", str(settings.config))
    with ExitStack() as stack:
        subscriber = stack.enter_context(running_subscriber())
        state = stack.enter_context(TemporaryDirectory(prefix="video-gateway-demo-"))
        env = {
            **settings.environ,
            "VIDEO_DEMO_PORT": str(port),
            "VIDEO_DEMO_ADMIN_PORT": str(admin),
            "VIDEO_DEMO_UPSTREAM": f"http://127.0.0.1:{upstream}/api/v1",
            "VIDEO_DEMO_STATE": state,
            "VIDEO_DEMO_HOOK": subscriber.url,
            "VIDEO_SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "VIDEO_SANDBOX_CONTROL_TOKEN": (control := secrets.token_hex(16)),
        }
        stage = Stage(
            gateway=f"http://127.0.0.1:{port}",
            admin=f"http://127.0.0.1:{admin}",
            sandbox=f"http://127.0.0.1:{upstream}",
            control_token=control,
            keys={},
            processes={
                "sandbox": _program(
                    stack, (*sandbox, *job_options), env, settings.output, "sandbox"
                ),
                "gateway": _program(stack, gateway, env, settings.output, "gateway"),
            },
            subscriber=subscriber,
            output=settings.output,
        )
        _wait_until_ready(f"{stage.sandbox}/sandbox/v1/health", "sandbox", stage)
        _wait_until_ready(f"{stage.gateway}/readyz", "gateway", stage)
        token = read_token(token_path(load(settings.config, env).config))
        yield replace(stage, keys={team: _create_key(stage, team, token) for team in TEAMS})


def _free_ports(count: int) -> list[int]:
    """Find free ports. If another process takes one first, the program fails to start."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in sockets]


def _program(
    stack: ExitStack, arguments: Sequence[str], env: Mapping[str, str], output: Path, name: str
) -> subprocess.Popen[bytes]:
    out = stack.enter_context((output / f"{name}.log").open("wb"))
    program = subprocess.Popen(  # noqa: S603 - this program, with arguments from above
        (sys.executable, "-m", "gateway", *arguments),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches only the demo, which stops the programs in order
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


def _wait_until_ready(url: str, name: str, stage: Stage) -> None:
    """Wait until the program answers 200.

    Raises:
        DemoFailed: it exited, or was not ready in time.

    """
    program, log = stage.processes[name], stage.log(name)

    def ready() -> bool:
        if program.poll() is not None:
            raise DemoFailed(f"the {name} did not start; {log} ends with:\n{_tail(log)}")
        try:
            return call("GET", url).status == 200
        except (OSError, HTTPException):
            return False

    if not wait_until(ready, _START):
        raise DemoFailed(f"the {name} was not ready within {_START:.0f} s; see {log}")


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.1) -> bool:
    """Poll the condition until it is true; return False on timeout."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True


def _create_key(stage: Stage, team: str, token: str) -> str:
    """Create a key through the admin API, as `video-gateway keys create` does."""
    body = {"team": team, "name": "demo"}
    response = call("POST", f"{stage.admin}/admin/v1/keys", key=token, body=body)
    if response.status != 201:
        raise DemoFailed(f"creating a key for team {team} failed: {response.body.decode()}")
    return str(response.json["key"])


def _tail(log: Path, lines: int = 5) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
