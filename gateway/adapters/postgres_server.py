"""A PostgreSQL server, as the gateway meets it: whether to trust it, and how to speak with it."""

from typing import Any

import psycopg
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper

from gateway.domain.errors import UnusableDatabase

Connection = psycopg.Connection[tuple[Any, ...]]

# A server that vanished without a word is noticed within half a minute (sockets have no limit of
# their own), and what it still holds for us is let go by itself.
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
    """What every connection is made with; the URL's own parameters come before ours.

    Raises:
        UnusableDatabase: the URL is none.

    """
    try:
        return {**_CONNECTION, **conninfo_to_dict(url), "client_encoding": "utf8"}
    except psycopg.ProgrammingError:  # whose text may quote the URL, password and all
        raise UnusableDatabase("database.url is not a PostgreSQL URL") from None


def inspect(settings: dict[str, Any]) -> tuple[str, ...]:
    """Look at the server once, before it is trusted; warnings for the operator.

    Raises:
        UnusableDatabase: no connection, or it may lose or can't hold what it is given.

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
    """What every connection of the pool knows before it is used."""
    for name, limit in _LIMITS.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, limit))
    adapters = connection.adapters
    adapters.register_dumper(int, Int8Dumper)  # else the type follows the size of the number
    adapters.register_dumper(str, StrDumper)  # typed: a string never slips into a BIGINT column
    adapters.register_loader("numeric", _WholeNumber)
    adapters.register_loader("bool", _ZeroOrOne)


def said(error: psycopg.Error) -> str:
    """What the server said, without the DETAIL that quotes rows: those may hold prompts."""
    words = error.diag.message_primary or str(error).partition("\n")[0]
    return f"{words} ({error.sqlstate})" if error.sqlstate else words


class _WholeNumber(Loader):
    """SUM over BIGINT is NUMERIC in PostgreSQL, and an int in SQLite."""

    def load(self, data: psycopg.abc.Buffer) -> int:
        text = bytes(data).decode()
        try:
            return int(text)
        except ValueError as error:
            raise TypeError(f"a column holds text, an int or None, but this is {text}") from error


class _ZeroOrOne(Loader):
    """A condition is 0 or 1, as in SQLite."""

    def load(self, data: psycopg.abc.Buffer) -> int:
        return int(bytes(data) == b"t")
