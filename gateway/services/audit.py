"""Append to the audit trail, and verify that it is complete and unchanged.

audit.record(tx, AuditedAct.KEY_REVOKED, actor, "growth/ci", now)  # last in the recorded act
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.domain.audit import START, Actor, AuditedAct, AuditEntry, Link, Record, faults, missing
from gateway.domain.units import epoch_ms
from gateway.ports import Database, Transaction
from gateway.store import audit

_BATCH: Final = 1000  # records read at a time, so that checking a long trail needs little memory


def record(
    tx: Transaction, act: AuditedAct, actor: Actor, subject: str, now: datetime, **details: Any
) -> Record:
    """Record an act in its own transaction, as the last step; `details` must not hold secrets."""
    kept = {name: value for name, value in details.items() if value is not None}
    entry = AuditEntry(
        at=epoch_ms(now),
        act=act.value,
        subject=subject,
        made_by=actor.name,
        origin=actor.origin,
        details=json.dumps(kept, sort_keys=True, default=str),
    )
    return audit.append(tx, entry)


def record_start(tx: Transaction, actor: Actor, version: str, now: datetime) -> None:
    """Record a process start if its configuration differs from the last one in the trail."""
    last = audit.last_of(tx, AuditedAct.CONFIG_LOADED, AuditedAct.CONFIG_RELOADED)
    before = None if last is None else last.entry.subject
    if before != version:
        record(tx, AuditedAct.CONFIG_LOADED, actor, version, now, before=before)


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """One fault in the trail."""

    number: int
    words: str


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """The result of a check. The next check can start at `head`, the last record."""

    head: Link
    checked: int
    faults: tuple[ChainBreak, ...]


async def verify(
    database: Database, since: Link = START, *, batch_size: int = _BATCH
) -> ChainCheck:
    """Check every record after `since`, `since` itself, and the head row; read it in batches.

    Raises:
        StorageFailed: the trail could not be read.

    """
    noted = await database.read(audit.head)
    found = [] if since == START else await _still_there(database, since)
    last, checked = since, 0
    while noted is not None and last.number < noted.number:
        batch = await database.read(_after(last.number, batch_size))
        if not batch:
            break
        found += [ChainBreak(number, words) for number, words in faults(batch, last)]
        last, checked = batch[-1].link, checked + len(batch)
    return ChainCheck(last, checked, (*found, *_against(noted, last)))


async def latest(database: Database, limit: int) -> Sequence[Record]:
    """Return the newest records, newest first."""
    return await database.read(lambda tx: audit.latest(tx, limit))


async def _still_there(database: Database, link: Link) -> list[ChainBreak]:
    known = await database.read(lambda tx: audit.find(tx, link.number))
    if known is None:
        return [ChainBreak(link.number, "it is missing")]
    if known.hash != link.hash:
        return [ChainBreak(link.number, "it has another hash: the trail was rewritten")]
    return []


def _after(number: int, count: int) -> Callable[[Transaction], Sequence[Record]]:
    return lambda tx: audit.after(tx, number, count)


def _against(noted: Link | None, last: Link) -> tuple[ChainBreak, ...]:
    """Compare the last record with the head row; the trail may have grown since it was read."""
    if noted is None:
        return (ChainBreak(last.number, "the audit trail's head row is missing"),)
    if last.number < noted.number:
        return (ChainBreak(noted.number, f"{missing(last.number + 1, noted.number)} at the end"),)
    if last.number == noted.number and last.hash != noted.hash:
        return (ChainBreak(noted.number, "the audit trail's head row has another hash"),)
    return ()
