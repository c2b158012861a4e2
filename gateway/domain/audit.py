"""The audit trail: who did what to the gateway. Each record holds the hash of the previous one.

Changing, removing or inserting a record breaks the chain. Somebody who also rewrites every later
record can build a new valid chain. To detect that, keep the number and hash of a record outside the
database (the gateway logs them as the trail grows) and check that the trail still contains it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AuditedAct(StrEnum):
    """The kinds of actions that the trail records. The values are stable."""

    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    BUDGET_CORRECTED = "budget.corrected"
    JOB_ENDED = "job.ended"
    BILL_ACCEPTED = "bill.accepted"
    COSTS_RESET = "costs.reset"
    DELIVERY_REPLAYED = "delivery.replayed"
    ENDPOINT_ENABLED = "endpoint.enabled"
    CONTENT_DELETED = "content.deleted"
    CONFIG_LOADED = "config.loaded"  # a start with another configuration than the last one
    CONFIG_RELOADED = "config.reloaded"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted, and from where: an operator and the peer's address, or a signal and a process."""

    name: str
    origin: str


@dataclass(frozen=True, slots=True)
class Link:
    """A record's position in the chain and its hash."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


START: Final = Link(0, "0" * 64)
"""The predecessor of the first record."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One recorded action. `details` is a JSON object without secrets; `at` is in epoch ms."""

    at: int
    act: str
    subject: str
    made_by: str
    origin: str
    details: str


@dataclass(frozen=True, slots=True)
class Record:
    """An entry with its position in the chain."""

    entry: AuditEntry
    number: int
    previous: str
    hash: str

    @property
    def link(self) -> Link:
        """The record's position in the chain and its hash."""
        return Link(self.number, self.hash)


def chained(entry: AuditEntry, after: Link) -> Record:
    """Return the entry as the record that follows `after`."""
    number = after.number + 1
    return Record(entry, number, after.hash, _hash(entry, number, after.hash))


def faults(records: Iterable[Record], after: Link) -> Iterator[tuple[int, str]]:
    """Yield (number, description) for each fault in records that should follow `after`."""
    last = after
    for record in records:
        if record.number <= last.number:
            yield record.number, "its number occurred before"
        elif record.number > last.number + 1:
            yield record.number, f"{missing(last.number + 1, record.number - 1)} before it"
        elif record.previous != last.hash:
            yield record.number, "its previous hash is not the hash of the record before it"
        if record.hash != _hash(record.entry, record.number, record.previous):
            yield record.number, "its content was changed: its hash does not match"
        last = record.link


def missing(first: int, last: int) -> str:
    """Return a sentence that says which records are missing."""
    return f"record {first} is missing" if first == last else f"records {first}-{last} are missing"


def _hash(entry: AuditEntry, number: int, previous: str) -> str:
    fields = (
        *(previous, number, entry.at, entry.act, entry.subject),
        *(entry.made_by, entry.origin, entry.details),
    )
    return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
