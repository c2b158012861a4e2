"""Run one act inside one transaction, and check its statements, parameters and results."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import CoroutineType, NoneType
from typing import Any, TypeVar

from gateway.domain.errors import StorageFailed
from gateway.ports import Row, Transaction, Value

T = TypeVar("T")

Answer = tuple[Sequence[str], Sequence[Sequence[Any]], int]
"""What a driver said to one statement: column names, rows, how many rows were touched."""

_LEAST, _MOST = -(2**63), 2**63 - 1
_READABLE = frozenset({str, int, NoneType})

# The database owns an act's transaction, so the act may not end or nest one.
_CONTROL = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
    r"(?:ABORT|ATTACH|BEGIN|COMMIT|DETACH|END|PREPARE|RELEASE|ROLLBACK|SAVEPOINT|START|VACUUM)\b",
    re.IGNORECASE | re.DOTALL,
)


class ActTransaction(ABC):
    """The `Transaction` that both databases hand to an act; only `_run` differs.

    After a statement has failed, every further statement and the act raise, so that an act that
    catches the error is not half done (SQLite may have rolled back and continued).
    """

    def __init__(self) -> None:
        self.error: Exception | None = None  # the driver's exception, for repetitions
        self._over = False

    @property
    @abstractmethod
    def skip_locked(self) -> str:
        """See `gateway.ports.Transaction`."""

    @property
    @abstractmethod
    def for_share(self) -> str:
        """See `gateway.ports.Transaction`."""

    @property
    @abstractmethod
    def for_update(self) -> str:
        """See `gateway.ports.Transaction`."""

    @abstractmethod
    def _run(self, sql: str, params: dict[str, str | int | None]) -> Answer:
        """Run one statement to its end.

        Raises:
            StorageFailed: the driver raised; its exception is in `error`.

        """

    def execute(self, sql: str, **params: Value) -> int:
        """Run one statement; return the number of rows that it changed, 0 if that is not known."""
        return max(self._answer(sql, params)[2], 0)

    def changed(self, sql: str, **params: Value) -> bool:
        """Run one statement; return whether it changed exactly one row."""
        return self._answer(sql, params)[2] == 1

    def fetch(self, sql: str, **params: Value) -> list[Row]:
        """Run one statement; return all its rows."""
        names, rows, _ = self._answer(sql, params)
        return [_row(names, row) for row in rows]

    def fetchrow(self, sql: str, **params: Value) -> Row | None:
        """Run one statement to its end; return its first row, None if there is none."""
        names, rows, _ = self._answer(sql, params)
        return _row(names, rows[0]) if rows else None

    def check(self) -> None:
        """Raise if a statement has failed, even if the act has caught the error."""
        if self.error is not None:
            raise StorageFailed("a statement of this act failed before") from self.error

    def end(self) -> None:
        """End the transaction for its act: every further statement raises."""
        self._over = True

    def _answer(self, sql: str, params: Mapping[str, Value]) -> Answer:
        if self._over:
            raise RuntimeError("this transaction ended with its act; nothing of it can be kept")
        self.check()
        return self._run(sql, {name: _bound(name, value) for name, value in params.items()})


def perform(tx: ActTransaction, act: Callable[[Transaction], T]) -> T:
    """Run the act, then end its transaction object.

    Raises:
        StorageFailed: a statement failed, even if the act caught it.
        TypeError: the act is a coroutine function; nothing can be awaited in a transaction.
        RuntimeError: it raised an exception that a future can't hold (StopIteration, SystemExit).

    """
    try:
        value = act(tx)
        tx.check()
    except BaseException as error:
        if isinstance(error, StopIteration) or not isinstance(error, Exception):
            raise RuntimeError(f"an act raised {error!r}") from error
        raise
    finally:
        tx.end()
    if isinstance(value, CoroutineType):
        value.close()
        raise TypeError("an act is a plain function, not a coroutine function")
    return value


def refuse_control(sql: str) -> str:
    """Return the text if it is a statement that an act may run.

    Raises:
        ValueError: it would end or nest the transaction.

    """
    if _CONTROL.match(sql):
        raise ValueError(f"an act can't control its transaction: {' '.join(sql.split())[:40]}")
    return sql


def _bound(name: str, value: Value) -> str | int | None:
    if value is None:
        return None
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError(f"parameter {name} holds a NUL character, which PostgreSQL can't keep")
        return str.__str__(value)  # the drivers accept str itself, not a StrEnum
    if isinstance(value, int) and not isinstance(value, bool) and _LEAST <= value <= _MOST:
        return int(value)
    raise TypeError(f"parameter {name} must be text, a 64-bit int or None, not {type(value)}")


def _row(names: Sequence[str], values: Sequence[Any]) -> Row:
    if not _READABLE.issuperset(map(type, values)):
        kinds = [type(value).__name__ for value in values]
        raise TypeError(f"a column holds text, an int or None, but these are {kinds}")
    return dict(zip(names, values, strict=True))
