"""`video-gateway serve`"""

import asyncio
import sys
from pathlib import Path

import typer

from gateway.cli.options import ConfigPath, load_config, load_or_exit
from gateway.config.loader import Loaded
from gateway.domain.errors import GatewayError
from gateway.server import serve as run_server
from gateway.telemetry.bundle import Telemetry, open_telemetry
from gateway.telemetry.crashes import log_crashes


def serve(config: ConfigPath = None) -> None:
    """Run the gateway until SIGTERM or Ctrl-C, then drain and exit 0."""
    loaded = load_or_exit(config)
    settings = loaded.config.telemetry
    try:
        telemetry = open_telemetry(
            settings.log_level,
            settings.log_format,
            teams=loaded.config.teams,
            upstreams=loaded.config.upstreams,
            otlp_endpoint=settings.otlp_endpoint,
            stream=sys.stdout,
        )
    except GatewayError as error:
        print(f"error: the gateway did not start: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    with log_crashes(telemetry.log):
        code, failure = _run(loaded, telemetry, config)
    telemetry.close()  # the log is complete before the error is printed
    if failure is not None:
        print(f"error: the gateway did not start: {failure}", file=sys.stderr)
    raise typer.Exit(code)


def _run(loaded: Loaded, telemetry: Telemetry, path: Path | None) -> tuple[int, Exception | None]:
    """Return the exit code, and the error if the gateway did not start."""
    for warning in loaded.warnings:
        telemetry.log.warning("config.warning", warning=warning)
    try:
        serving = run_server(
            loaded.config, loaded.version, telemetry, load=lambda: load_config(path)
        )
        return asyncio.run(serving), None
    except (GatewayError, OSError) as error:
        telemetry.log.critical("server.not_started", error=error)
        return 1, error
