"""`video-gateway serve`"""

import asyncio
import sys

import typer

from gateway.cli.options import ConfigPath, loaded, read
from gateway.domain.errors import GatewayError
from gateway.server import serve as run_server
from gateway.telemetry.bundle import open_telemetry


def serve(config: ConfigPath = None) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; then drain and exit 0."""
    found = loaded(config)
    telemetry = open_telemetry(
        found.config.telemetry.log_level,
        found.config.telemetry.log_format,
        teams=found.config.teams,
        upstreams=found.config.upstreams,
        otlp_endpoint=found.config.telemetry.otlp_endpoint,
    )
    try:
        for warning in found.warnings:
            telemetry.log.warning("config.warning", warning=warning)
        code = asyncio.run(
            run_server(found.config, found.version, telemetry, load=lambda: read(config))
        )
    except (GatewayError, OSError) as error:
        telemetry.log.critical("server.not_started", error=str(error))
        print(f"error: the gateway did not start: {error}", file=sys.stderr)
        code = 1
    finally:
        telemetry.close()
    raise typer.Exit(code)
