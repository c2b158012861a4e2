"""Options and helpers that several commands share."""

import os
import pwd
import socket
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.check import BAD_CONFIGURATION, print_mistakes
from gateway.config.loader import ConfigError, Loaded, load
from gateway.config.source import choose, environment
from gateway.domain.audit import Actor

ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The configuration file. Default: $VIDEO_GATEWAY_CONFIG, then config/gateway.yaml.",
    ),
]
AdminToken = Annotated[
    str | None,
    typer.Option(
        "--admin-token",
        envvar="VIDEO_GATEWAY_ADMIN_TOKEN",
        help="A bearer token whose hash `admin.tokens` lists.",
    ),
]


def load_or_exit(path: Path | None) -> Loaded:
    """Load the configuration; on mistakes, print them to stderr and exit with code 2."""
    try:
        return load_config(path)
    except ConfigError as error:
        print_mistakes(error)
        raise typer.Exit(BAD_CONFIGURATION) from None


def load_config(path: Path | None) -> Loaded:
    """Load the configuration from the file and the environment as they are now.

    Raises:
        ConfigError: the configuration is invalid; lists every mistake.

    """
    environ = environment()
    return load(choose(path, environ), environ)


def current_actor() -> Actor:
    """Return the user and host that run this command, for the audit trail."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's user may have no name
        name = f"uid {uid}"
    return Actor(name, f"command line on {socket.gethostname()}")
