"""Keeping the audit trail, and proving that nothing of it is missing.

audit.record(tx, Act.KEY_REVOKED, actor, "growth/ci", now)      # last in the act it tells of
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

_BATCH: Final = 1000  # records read at a time: a trail of any length is checked in little memory


def record(
    tx: Transaction, act: AuditedAct, actor: Actor, subject: str, now: datetime, **details: Any
) -> Record:
    """Write down an act in its own transaction, as the last step; `details` without secrets."""
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
    """Write down that a process began, if its configuration is not the last one in the trail."""
    last = audit.last_of(tx, AuditedAct.CONFIG_LOADED, AuditedAct.CONFIG_RELOADED)
    before = None if last is None else last.entry.subject
    if before != version:
        record(tx, AuditedAct.CONFIG_LOADED, actor, version, now, before=before)


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """One thing that is wrong with the trail."""

    number: int
    words: str


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """What a check found. `head`: the last record, from where the next check may go on."""

    head: Link
    checked: int
    faults: tuple[ChainBreak, ...]


async def verify(database: Database, since: Link = START) -> ChainCheck:
    """Check every record after `since`, that `since` itself is still there, and the head.

    Raises:
        StorageFailed: it could not be read.

    """
    noted = await database.read(audit.head)
    found = [] if since == START else await _still_there(database, since)
    last, checked = since, 0
    while noted is not None and last.number < noted.number:
        batch = await database.read(_after(last.number))
        if not batch:
            break
        found += [ChainBreak(number, words) for number, words in faults(batch, last)]
        last, checked = batch[-1].link, checked + len(batch)
    return ChainCheck(last, checked, (*found, *_against(noted, last)))


async def latest(database: Database, limit: int) -> Sequence[Record]:
    """The newest records, newest first."""
    return await database.read(lambda tx: audit.latest(tx, limit))


async def _still_there(database: Database, link: Link) -> list[ChainBreak]:
    known = await database.read(lambda tx: audit.find(tx, link.number))
    if known is None:
        return [ChainBreak(link.number, "it is missing")]
    if known.hash != link.hash:
        return [ChainBreak(link.number, "it is not the record it was: the trail was rewritten")]
    return []


def _after(number: int) -> Callable[[Transaction], Sequence[Record]]:
    return lambda tx: audit.after(tx, number, _BATCH)


def _against(noted: Link | None, last: Link) -> tuple[ChainBreak, ...]:
    """Whether the trail ends where its head says; it may have grown since the head was read."""
    if noted is None:
        return (ChainBreak(last.number, "the head of the trail is missing"),)
    if last.number < noted.number:
        return (ChainBreak(noted.number, f"{missing(last.number + 1, noted.number)} at the end"),)
    if last.number == noted.number and last.hash != noted.hash:
        return (ChainBreak(noted.number, "the head of the trail notes another record"),)
    return ()
