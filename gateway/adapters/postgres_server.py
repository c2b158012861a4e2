"""Check whether a PostgreSQL server can be trusted, and configure connections to it."""

from typing import Any

import psycopg
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper

from gateway.domain.errors import UnusableDatabase

Connection = psycopg.Connection[tuple[Any, ...]]

# A lost server is detected within half a minute, because sockets have no limit of their own, and
# the server ends the sessions of a lost client by itself.
_CONNECTION = {
    "application_name": "video-gateway",
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_LIMITS = {
    "statement_timeout": "15s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
}


def connection_settings(url: str) -> dict[str, Any]:
    """Return the settings of every connection; parameters of the URL take precedence.

    Raises:
        UnusableDatabase: the URL is not valid.

    """
    try:
        return {**_CONNECTION, **conninfo_to_dict(url), "client_encoding": "utf8"}
    except psycopg.ProgrammingError:  # its text may contain the URL with the password
        raise UnusableDatabase("database.url is not a PostgreSQL URL") from None


def inspect(settings: dict[str, Any]) -> tuple[str, ...]:
    """Inspect the server once, at the start; return warnings for operators.

    Raises:
        UnusableDatabase: there is no connection, or the server may lose or can't store data.

    """
    try:
        with psycopg.connect(**settings, autocommit=True) as connection:
            row = connection.execute(
                """
                SELECT current_setting('synchronous_commit'), current_setting('fsync'),
                       current_setting('server_encoding'), pg_is_in_recovery()
                """
            ).fetchone()
    except psycopg.Error as error:
        raise UnusableDatabase(f"can't connect to PostgreSQL: {error}") from error
    if row is None:
        raise UnusableDatabase("PostgreSQL did not say how it keeps data")
    synchronous_commit, fsync, encoding, standby = row
    if synchronous_commit == "off":
        raise UnusableDatabase(
            "PostgreSQL runs with synchronous_commit=off and may lose what it has committed, "
            "reservations of money among it: turn it on for this database or role"
        )
    if encoding != "UTF8":
        raise UnusableDatabase(
            f"the PostgreSQL database is encoded in {encoding}; make one in UTF8"
        )
    if standby:
        raise UnusableDatabase("this PostgreSQL is a standby that can't be written to")
    if fsync == "off":
        return ("PostgreSQL runs with fsync=off: what it has committed may not survive a crash",)
    return ()


def configure(connection: Connection) -> None:
    """Configure a new connection of the pool."""
    for name, limit in _LIMITS.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, limit))
    adapters = connection.adapters
    adapters.register_dumper(int, Int8Dumper)  # otherwise the type depends on the number
    adapters.register_dumper(str, StrDumper)  # typed: a BIGINT column rejects a string
    adapters.register_loader("numeric", _WholeNumber)
    adapters.register_loader("bool", _ZeroOrOne)


def said(error: psycopg.Error) -> str:
    """Return the server's message without DETAIL, which quotes rows."""
    words = error.diag.message_primary or str(error).partition("\n")[0]
    return f"{words} ({error.sqlstate})" if error.sqlstate else words


class _WholeNumber(Loader):
    """Read NUMERIC, the type of SUM over BIGINT in PostgreSQL, as an int."""

    def load(self, data: psycopg.abc.Buffer) -> int:
        text = bytes(data).decode()
        try:
            return int(text)
        except ValueError as error:
            raise TypeError(f"a column holds text, an int or None, but this is {text}") from error


class _ZeroOrOne(Loader):
    """Read a boolean as 0 or 1, as in SQLite."""

    def load(self, data: psycopg.abc.Buffer) -> int:
        return int(bytes(data) == b"t")
