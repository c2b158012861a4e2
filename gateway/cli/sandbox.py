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
from gateway.sandbox.rendering import RendererMissing, check_renderer


def sandbox(
    listen: Annotated[
        str, typer.Option(help="host:port to listen on; port 0 picks a free port.")
    ] = "127.0.0.1:9090",
    api_key: Annotated[
        list[str] | None,
        typer.Option(
            envvar="VIDEO_SANDBOX_API_KEY",
            help=f"An API key to accept; may be repeated. Default: {DEFAULT_API_KEY}.",
        ),
    ] = None,
    webhook_secret: Annotated[
        str | None,
        typer.Option(
            envvar="VIDEO_SANDBOX_WEBHOOK_SECRET",
            help="Secret that signs webhooks; without it they are unsigned.",
        ),
    ] = None,
    control_token: Annotated[
        str | None,
        typer.Option(
            envvar="VIDEO_SANDBOX_CONTROL_TOKEN",
            help="Token for /sandbox/v1. Default: a random one, which is printed.",
        ),
    ] = None,
    callback_url: Annotated[
        str | None, typer.Option(help="Webhook URL for requests that name none.")
    ] = None,
    https_callbacks: Annotated[
        bool, typer.Option(help="Accept only https callbacks, as OpenRouter does.")
    ] = False,
    public_url: Annotated[
        str | None, typer.Option(help="Origin of returned URLs. Default: the request's Host.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, help="Sandbox seconds per second; 0 stops the clock.")
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Seed of ids and random durations.")] = None,
    submit_seconds: Annotated[
        str, typer.Option(help="Duration of a submit: A, or a random one from A to B as A:B.")
    ] = "2.4:3.6",
    generation_seconds: Annotated[
        str, typer.Option(help="Duration of a job: A or A:B.")
    ] = "5.6:61.6",
    in_progress: Annotated[
        Literal["never", "always", "mixed"],
        typer.Option(help="Which jobs pass through in_progress."),
    ] = "mixed",
    retention: Annotated[
        float, typer.Option(min=0, help="Seconds until content is deleted.")
    ] = 86400,
    stored_copies: Annotated[
        float | None,
        typer.Option(min=0, help="Return links that need no key for this many seconds."),
    ] = None,
    error_shape: Annotated[
        Literal["standard", "zod"], typer.Option(help="Format of the error for an invalid body.")
    ] = "standard",
    not_ready: Annotated[
        Literal["409", "404"], typer.Option(help="HTTP status of content before completion.")
    ] = "409",
    byok: Annotated[
        Literal["no", "free", "fee"],
        typer.Option(help="Whether jobs run on the caller's provider keys."),
    ] = "no",
    outputs: Annotated[int, typer.Option(min=1, max=10, help="Videos per job.")] = 1,
    zdr: Annotated[bool, typer.Option(help="The account routes only to ZDR endpoints.")] = False,
) -> None:
    """Emulate OpenRouter's video API on this machine, for development and CI. Costs nothing.

    All durations are in sandbox seconds: with --speed 10, a one-minute job takes six seconds.
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
        check_renderer()
        asyncio.run(_run(config, speed, host, port))
    except (RendererMissing, OSError) as error:
        print(f"error: the sandbox did not start: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


async def _run(config: SandboxConfig, speed: float, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    running = await Sandbox.start(config, SandboxClock(speed), host=host, port=port)
    try:
        for line in _startup_lines(running, speed):
            print(line, flush=True)
        await stop.wait()
    finally:
        await running.close()


def _startup_lines(running: Sandbox, speed: float) -> list[str]:
    secret = running.config.webhook_secret
    control = "as configured" if running.config.control_token else running.control_token
    api_key = running.api_key if running.api_key == DEFAULT_API_KEY else "as configured"
    return [
        f"sandbox upstream: {running.url}",
        f"key:              {api_key}",
        f"control:          {running.origin}{CONTROL}",
        f"control token:    {control}",
        f"webhooks:         {'signed' if secret else 'unsigned (no --webhook-secret)'}",
        f"time:             {f'{speed:g} x' if speed else 'stopped; POST ' + CONTROL + '/advance'}",
    ]


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise typer.BadParameter(
            f"{listen!r} is not host:port, e.g. 127.0.0.1:9090", param_hint="--listen"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def _range(text: str, option: str) -> Seconds:
    """Parse `A` or `A:B` in seconds, where A is at most B."""
    low, _, high = text.partition(":")
    try:
        ends = float(low), float(high or low)
    except ValueError:
        ends = -1.0, -1.0
    if not 0 <= ends[0] <= ends[1] < float("inf"):
        raise typer.BadParameter(
            f"{text!r} is neither A nor A:B in seconds, A at most B", param_hint=option
        )
    return ends
