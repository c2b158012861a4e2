"""`video-gateway db backup`: a copy of a SQLite database while the gateway runs."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import ConfigPath, load_or_exit
from gateway.domain.errors import GatewayError

db = typer.Typer(help="The database.", no_args_is_help=True)

_PAGES = 1000  # copied between two looks at what was written meanwhile


class BackupFailed(GatewayError):
    """No copy was made; the message says why."""


@db.callback()
def _group() -> None:
    """Keeps `backup` a word of its own while it is the only one."""


@db.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy is written.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an older copy.")] = False,
    config: ConfigPath = None,
) -> None:
    """Copy the SQLite database, also while the gateway runs. Only its owner can read the copy.

    Example: video-gateway db backup backups/gateway-2026-11-26.db
    """
    source = load_or_exit(config).config.database.path
    if source is None:
        raise BackupFailed("this database is PostgreSQL: use pg_dump")
    if not source.exists():
        raise BackupFailed(f"there is no database at {source.absolute()}")
    if file.exists() and not force:
        raise BackupFailed(f"{file} exists; use --force to replace it")
    partial = file.with_name(f"{file.name}.partial")
    try:
        _copy(source, partial)
        partial.replace(file)
    except (sqlite3.Error, OSError) as error:
        partial.unlink(missing_ok=True)
        raise BackupFailed(f"can't write {file}: {error}") from None
    print(f"{file}: {file.stat().st_size} bytes")


def _copy(source: Path, target: Path) -> None:
    """Copy by SQLite's online backup, then check the copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(f"file:{source.absolute()}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy, pages=_PAGES)
        (found,) = copy.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {found}")
        copy.execute("PRAGMA journal_mode=DELETE")
