"""`video-gateway check`: is the configuration good? Tells every mistake at once."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.config.loader import Loaded, load
from gateway.config.mistakes import ConfigError
from gateway.config.source import VARIABLE, choose, environment

BAD_CONFIGURATION = 2
"""The exit code of every command that can't use its configuration."""


def check(
    config: Annotated[
        Path | None,
        typer.Option(help=f"The file; else {VARIABLE}'s, else config/gateway.yaml."),
    ] = None,
) -> None:
    """Check the configuration: every mistake with its place, what was seen, and what is allowed.

    Exits 0 if it could be put in force, 2 if not. Nothing is started, opened or called.
    """
    environ = environment()
    path = choose(config, environ)
    try:
        loaded = load(path, environ)
    except ConfigError as error:
        tell_mistakes(error)
        raise typer.Exit(BAD_CONFIGURATION) from None
    _tell_good(path, loaded)


def tell_mistakes(error: ConfigError) -> None:
    """Print what is wrong to standard error: one line per mistake, then how many there are."""
    for line in error.lines():
        typer.echo(line, err=True)
    count = len(error.mistakes)
    typer.echo(f"{count} mistake{'' if count == 1 else 's'}; nothing was started.", err=True)


def _tell_good(path: Path, loaded: Loaded) -> None:
    for warning in loaded.warnings:
        typer.echo(f"warning: {warning}")
    upstreams, teams = len(loaded.config.upstreams), len(loaded.config.teams)
    typer.echo(f"{path} is good: version {loaded.version}, upstreams {upstreams}, teams {teams}.")
