"""The generated token of operators, used if none is configured, and its file."""

import os
import random
from pathlib import Path

from gateway.config.schema import Config
from gateway.domain.errors import GatewayError
from gateway.domain.job import new_token

_NAME = "admin-token"


class NoAdminToken(GatewayError):
    """This user can't read a generated token; the message says what to do."""


def token_path(config: Config) -> Path:
    """Return where the token is kept: beside a SQLite database, else beside the stored videos."""
    database = config.database.path
    if database is not None:
        return database.with_name(f"{database.name}.{_NAME}")
    content = config.content.url
    return (Path("var") if "://" in content else Path(content).parent) / _NAME


def read_token(path: Path) -> str:
    """Return the generated token.

    Raises:
        NoAdminToken: there is none, or it belongs to another user.

    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise NoAdminToken(
            f"no admin token: {path} does not exist; start the gateway first, or configure"
            " admin.tokens and give one with --admin-token"
        ) from None
    except OSError as error:
        raise NoAdminToken(
            f"the admin token in {path} can't be read ({error.strerror}); run the command as the"
            " gateway's user, or give a token with --admin-token"
        ) from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(error.errno, "the folder's name is taken by a file") from error


def read_or_create_token(path: Path, source: random.Random) -> str:
    """Return the generated token; create it, readable by its owner only, if there is none.

    Raises:
        NoAdminToken: the file can be neither read nor created.

    """
    try:
        _make_folder(path.parent)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        return read_token(path)
    except OSError as error:
        raise NoAdminToken(
            f"can't write the admin token to {path}: {error.strerror}; configure admin.tokens"
        ) from error
    token = f"vga_{new_token(source)}"
    with os.fdopen(handle, "w") as file:
        file.write(f"{token}\n")
    return token
