"""`video-gateway sandbox`: run the emulated upstream."""

import asyncio
import signal
import sys
from typing import Annotated, Literal

import typer

from gateway.sandbox import Sandbox, SandboxConfig
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.config import DEFAULT_API_KEY, Seconds
from gateway.sandbox.control import CONTROL
from gateway.sandbox.film import CannotRender, check_tools


def sandbox(
    listen: Annotated[
        str, typer.Option(help="host:port; port 0 takes a free one.")
    ] = "127.0.0.1:9090",
    api_key: Annotated[
        list[str] | None,
        typer.Option(
            envvar="VIDEO_SANDBOX_API_KEY",
            help=f"A key that it takes; may be repeated. Without: {DEFAULT_API_KEY}.",
        ),
    ] = None,
    webhook_secret: Annotated[
        str | None,
        typer.Option(
            envvar="VIDEO_SANDBOX_WEBHOOK_SECRET",
            help="Signs webhooks; without it they go out unsigned.",
        ),
    ] = None,
    control_token: Annotated[
        str | None,
        typer.Option(
            envvar="VIDEO_SANDBOX_CONTROL_TOKEN",
            help="Guards /sandbox/v1; without it, that answers loopback peers only.",
        ),
    ] = None,
    callback_url: Annotated[
        str | None, typer.Option(help="The workspace's webhook, where a request names none.")
    ] = None,
    https_callbacks: Annotated[
        bool, typer.Option(help="Take https callbacks only, as the real service does.")
    ] = False,
    public_url: Annotated[
        str | None, typer.Option(help="Origin of the URLs handed out; else the request's own.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, help="Sandbox seconds in a second; 0 waits to be advanced.")
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Makes ids and drawn durations repeat.")] = None,
    submit_seconds: Annotated[
        str, typer.Option(help="How long a submit takes: A, or from A to B as A:B.")
    ] = "2.4:3.6",
    generation_seconds: Annotated[
        str, typer.Option(help="How long a job takes, likewise.")
    ] = "5.6:61.6",
    in_progress: Annotated[
        Literal["never", "always", "mixed"], typer.Option(help="Do jobs show in_progress?")
    ] = "mixed",
    retention: Annotated[float, typer.Option(min=0, help="Seconds until content is gone.")] = 86400,
    stored_copies: Annotated[
        float | None, typer.Option(min=0, help="Hand out keyless links that live so many seconds.")
    ] = None,
    error_shape: Annotated[
        Literal["standard", "zod"], typer.Option(help="The answer to a body of the wrong shape.")
    ] = "standard",
    not_ready: Annotated[
        Literal["409", "404"], typer.Option(help="The status of content before completion.")
    ] = "409",
    byok: Annotated[
        Literal["no", "free", "fee"], typer.Option(help="Jobs run on the caller's provider keys.")
    ] = "no",
    outputs: Annotated[int, typer.Option(min=1, max=10, help="Videos per job.")] = 1,
    zdr: Annotated[bool, typer.Option(help="The account routes nothing that isn't ZDR.")] = False,
) -> None:
    """Emulate OpenRouter's video API on this machine, for rehearsals and CI: nothing is paid.

    Times are the sandbox's: with --speed 10 a job of a minute takes six seconds.
    """
    host, port = _address(listen)
    config = SandboxConfig(
        api_keys=tuple(api_key or (DEFAULT_API_KEY,)),
        webhook_secret=webhook_secret or None,
        control_token=control_token or None,
        default_callback_url=callback_url,
        allow_http_callbacks=not https_callbacks,
        public_url=public_url.rstrip("/") if public_url else None,
        seed=seed,
        submit_seconds=_range(submit_seconds, "--submit-seconds"),
        generation_seconds=_range(generation_seconds, "--generation-seconds"),
        in_progress=in_progress,
        retention_seconds=retention,
        stored_copy_seconds=stored_copies,
        error_shape=error_shape,
        not_ready_status=404 if not_ready == "404" else 409,
        byok=byok,
        outputs=outputs,
        zdr=zdr,
    )
    try:
        check_tools()
        asyncio.run(_run(config, speed, host, port))
    except (CannotRender, OSError) as error:
        print(f"error: the sandbox did not start: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


async def _run(config: SandboxConfig, speed: float, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    running = await Sandbox.start(config, SandboxClock(speed), host=host, port=port)
    try:
        for line in _greeting(running, speed):
            print(line, flush=True)
        await stop.wait()
    finally:
        await running.close()


def _greeting(running: Sandbox, speed: float) -> list[str]:
    secret = running.config.webhook_secret
    given = running.api_key if running.api_key == DEFAULT_API_KEY else "as given"
    return [
        f"sandbox upstream: {running.url}",
        f"key:              {given}",
        f"control:          {running.origin}{CONTROL}",
        f"webhooks:         {'signed' if secret else 'unsigned (no --webhook-secret)'}",
        f"time:             {f'{speed:g} x' if speed else 'still; POST ' + CONTROL + '/advance'}",
    ]


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise typer.BadParameter(f"{listen!r} is not host:port", param_hint="--listen")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _range(text: str, option: str) -> Seconds:
    """`A` or `A:B`, seconds, ascending."""
    low, _, high = text.partition(":")
    try:
        ends = float(low), float(high or low)
    except ValueError:
        ends = -1.0, -1.0
    if not 0 <= ends[0] <= ends[1] < float("inf"):
        raise typer.BadParameter(f"{text!r} is neither A nor A:B, in seconds", param_hint=option)
    return ends
