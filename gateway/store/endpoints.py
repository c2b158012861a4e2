"""Store the health of endpoints: their current run of failures, and whether they are disabled."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.delivery import Failing
from gateway.domain.units import epoch_ms, from_epoch_ms
from gateway.ports import Row, Transaction


@dataclass(frozen=True, slots=True)
class Health:
    """The health of one endpoint. Times are in epoch ms."""

    failing_since: int | None = None
    last_failure: int | None = None
    disabled_at: int | None = None
    disabled_because: str | None = None

    @property
    def failing(self) -> Failing | None:
        """The current run of failures; None after a successful delivery."""
        if self.failing_since is None or self.last_failure is None:
            return None
        return Failing(from_epoch_ms(self.failing_since), from_epoch_ms(self.last_failure))


_COLUMNS = "name, failing_since, last_failure, disabled_at, disabled_because"


def health(tx: Transaction, name: str) -> Health:
    """Return an endpoint's health; the default one without a row."""
    row = tx.fetchrow(f"SELECT {_COLUMNS} FROM endpoints WHERE name = :name", name=name)
    return Health() if row is None else _health(row)


def every(tx: Transaction) -> Mapping[str, Health]:
    """Return the health of every endpoint that has a row."""
    return {row["name"]: _health(row) for row in tx.fetch(f"SELECT {_COLUMNS} FROM endpoints")}


def failed(tx: Transaction, name: str, failing: Failing) -> None:
    """Store an endpoint's run of failures."""
    tx.execute(
        """
        INSERT INTO endpoints (name, failing_since, last_failure) VALUES (:name, :since, :last)
        ON CONFLICT (name) DO UPDATE SET failing_since = :since, last_failure = :last
        """,
        name=name,
        since=epoch_ms(failing.since),
        last=epoch_ms(failing.last),
    )


def recovered(tx: Transaction, name: str) -> None:
    """End an endpoint's run of failures after a successful delivery."""
    tx.execute(
        """
        UPDATE endpoints SET failing_since = NULL, last_failure = NULL
        WHERE name = :name AND failing_since IS NOT NULL
        """,
        name=name,
    )


def disable(tx: Transaction, name: str, because: str, *, now: int) -> bool:
    """Disable an endpoint; False if it is already disabled."""
    return tx.changed(
        """
        INSERT INTO endpoints (name, disabled_at, disabled_because)
        VALUES (:name, :now, :because)
        ON CONFLICT (name) DO UPDATE SET disabled_at = :now, disabled_because = :because
        WHERE endpoints.disabled_at IS NULL
        """,
        name=name,
        because=because,
        now=now,
    )


def enable(tx: Transaction, name: str) -> bool:
    """Enable an endpoint and clear its failures; False if it was not disabled."""
    return tx.changed(
        """
        UPDATE endpoints
        SET disabled_at = NULL, disabled_because = NULL,
            failing_since = NULL, last_failure = NULL
        WHERE name = :name AND disabled_at IS NOT NULL
        """,
        name=name,
    )


def _health(row: Row) -> Health:
    return Health(
        row["failing_since"], row["last_failure"], row["disabled_at"], row["disabled_because"]
    )
