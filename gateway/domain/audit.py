"""The audit trail: who did what to the gateway, each record chained to the one before by its hash.

A record that is changed, removed or put in between breaks the chain. Who rewrites all that follows
makes a new chain that fits: against that, hold a record's number and hash outside the database
(they are logged as the trail grows) and ask whether the trail still has it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AuditedAct(StrEnum):
    """What is kept in the trail; stable."""

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
    """Who acts, and from where: an operator and a peer's address, a signal and a process."""

    name: str
    origin: str


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


START: Final = Link(0, "0" * 64)
"""What the first record is chained to."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act. `details` is a JSON object without secrets; `at` epoch milliseconds."""

    at: int
    act: str
    subject: str
    made_by: str
    origin: str
    details: str


@dataclass(frozen=True, slots=True)
class Record:
    """An entry in its place."""

    entry: AuditEntry
    number: int
    previous: str
    hash: str

    @property
    def link(self) -> Link:
        """Its place in the chain."""
        return Link(self.number, self.hash)


def chained(entry: AuditEntry, after: Link) -> Record:
    """The entry as the record that follows."""
    number = after.number + 1
    return Record(entry, number, after.hash, _hash(entry, number, after.hash))


def faults(records: Iterable[Record], after: Link) -> Iterator[tuple[int, str]]:
    """What is wrong with records that should follow on `after`: (number, in words)."""
    last = after
    for record in records:
        if record.number <= last.number:
            yield record.number, "its number was there before"
        elif record.number > last.number + 1:
            yield record.number, f"{missing(last.number + 1, record.number - 1)} before it"
        elif record.previous != last.hash:
            yield record.number, "it does not follow on the record before it"
        if record.hash != _hash(record.entry, record.number, record.previous):
            yield record.number, "it is not what was written: its hash does not fit"
        last = record.link


def missing(first: int, last: int) -> str:
    """That these records are not there, in words."""
    return f"record {first} is missing" if first == last else f"records {first}-{last} are missing"


def _hash(entry: AuditEntry, number: int, previous: str) -> str:
    fields = (
        *(previous, number, entry.at, entry.act, entry.subject),
        *(entry.made_by, entry.origin, entry.details),
    )
    return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
