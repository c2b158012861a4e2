"""Options and steps that several commands share."""

import os
import pwd
import socket
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.check import BAD_CONFIGURATION, tell_mistakes
from gateway.config.loader import ConfigError, Loaded, load
from gateway.config.source import choose, environment
from gateway.domain.audit import Actor

ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The configuration file; else VIDEO_GATEWAY_CONFIG, else config/gateway.yaml.",
    ),
]
AdminToken = Annotated[
    str | None,
    typer.Option(
        "--admin-token",
        envvar="VIDEO_GATEWAY_ADMIN_TOKEN",
        help="A bearer token of `admin.tokens`, for a gateway that asks for one.",
    ),
]


def loaded(path: Path | None) -> Loaded:
    """The configuration, or every mistake in it on stderr and exit code 2."""
    try:
        return read(path)
    except ConfigError as error:
        tell_mistakes(error)
        raise typer.Exit(BAD_CONFIGURATION) from None


def read(path: Path | None) -> Loaded:
    """The configuration as the file and the environment have it now.

    Raises:
        ConfigError: with every mistake in it.

    """
    environ = environment()
    return load(choose(path, environ), environ)


def person() -> Actor:
    """Who runs this command, and where: for the audit trail."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's user need not have a name
        name = f"uid {uid}"
    return Actor(name, f"command line on {socket.gethostname()}")
