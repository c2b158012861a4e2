"""`video-gateway audit list | verify`"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from gateway.adapters.database import open_database
from gateway.cli.options import ConfigPath, loaded
from gateway.domain.audit import START, Link, Record
from gateway.domain.units import from_epoch_ms
from gateway.ports import Database
from gateway.services import audit as trail

audit = typer.Typer(help="Who did what to the gateway, from where.", no_args_is_help=True)

T = TypeVar("T")


@audit.command("list")
def listing(
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 50,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, with hashes.")
    ] = False,
    config: ConfigPath = None,
) -> None:
    """List the newest records. Reads the database; a gateway may be running on it."""
    for record in _read(config, lambda database: trail.latest(database, limit)):
        print(_as_json(record) if as_json else _line(record))


@audit.command()
def verify(
    still_has: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER:HASH",
            help="A record that was noted outside the database (the gateway logs them as"
            " `audit.extended`): shows also a trail that was rewritten as a whole.",
        ),
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Check that no record was removed, changed or put in between; exit 1 with what is wrong."""
    noted = START if still_has is None else _link(still_has)

    async def check(database: Database) -> tuple[trail.ChainCheck, ...]:
        whole = await trail.verify(database)
        return (whole,) if noted == START else (whole, await trail.verify(database, noted))

    verdicts = _read(config, check)
    words = dict.fromkeys(
        f"record {fault.number}: {fault.words}" for verdict in verdicts for fault in verdict.faults
    )
    if words:
        print(f"the audit trail is broken, in {len(words)} places")
        for one in words:
            print(f"- {one}")
        raise typer.Exit(1)
    print(f"ok: {verdicts[0].checked} records, unbroken; the last is {verdicts[0].head}")


def _link(text: str) -> Link:
    number, _, digest = text.partition(":")
    if not number.isascii() or not number.isdigit() or len(digest) != len(START.hash):
        raise typer.BadParameter("must be NUMBER:HASH, as `audit.extended` in the log has it")
    return Link(int(number), digest.lower())


def _line(record: Record) -> str:
    entry = record.entry
    moment = from_epoch_ms(entry.at).strftime("%Y-%m-%d %H:%M:%S")
    who = f"{entry.made_by} ({entry.origin})"
    head = f"{record.number:>6}  {moment}  {entry.act:<18} {entry.subject}  by {who}"
    details = json.loads(entry.details)
    return head + "".join(f"\n        {line}" for line in _details(details))


def _details(details: dict[str, object]) -> list[str]:
    lines = []
    for name, value in details.items():
        values = value if isinstance(value, list) else [value]
        lines += [f"{name}: {_plain(one)}" for one in values]
    return lines


def _plain(value: object) -> str:
    """Text for a terminal: what is not printable is escaped."""
    text = str(value)
    return text if text.isprintable() else ascii(text)


def _as_json(record: Record) -> str:
    entry = record.entry
    return json.dumps(
        {
            "number": record.number,
            "at": from_epoch_ms(entry.at).isoformat(timespec="milliseconds"),
            "act": entry.act,
            "subject": entry.subject,
            "by": entry.made_by,
            "from": entry.origin,
            "details": json.loads(entry.details),
            "hash": record.hash,
        }
    )


def _read(config: Path | None, look: Callable[[Database], Awaitable[T]]) -> T:
    found = loaded(config)

    async def run() -> T:
        database = await open_database(found.config.database.url.get_secret_value(), read_only=True)
        try:
            return await look(database)
        finally:
            await database.close()

    return asyncio.run(run())
