"""`video-gateway check`: validate the configuration and print every mistake in it."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.config.loader import Loaded, load
from gateway.config.mistakes import ConfigError
from gateway.config.source import VARIABLE, choose, environment

BAD_CONFIGURATION = 2
"""Exit code of a command whose configuration is invalid."""


def check(
    config: Annotated[
        Path | None,
        typer.Option(
            help=f"The configuration file. Default: ${VARIABLE}, then config/gateway.yaml."
        ),
    ] = None,
) -> None:
    """Validate the configuration. For each mistake, print its line, the value and what is allowed.

    Exits 0 if the configuration is valid, 2 if not. Starts nothing and opens no connection.
    """
    environ = environment()
    path = choose(config, environ)
    try:
        loaded = load(path, environ)
    except ConfigError as error:
        print_mistakes(error)
        raise typer.Exit(BAD_CONFIGURATION) from None
    _print_summary(path, loaded)


def print_mistakes(error: ConfigError) -> None:
    """Print one line per mistake and their count to standard error."""
    for line in error.lines():
        typer.echo(line, err=True)
    count = len(error.mistakes)
    mistakes = "1 mistake" if count == 1 else f"{count} mistakes"
    typer.echo(f"{mistakes} in the configuration; nothing was started.", err=True)


def _print_summary(path: Path, loaded: Loaded) -> None:
    for warning in loaded.warnings:
        typer.echo(f"warning: {warning}")
    upstreams, teams = len(loaded.config.upstreams), len(loaded.config.teams)
    typer.echo(f"{path} is valid: version {loaded.version}, upstreams {upstreams}, teams {teams}.")
