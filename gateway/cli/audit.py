"""`video-gateway audit list | verify`"""

import json
from typing import Annotated

import typer

from gateway.cli.database import read_database
from gateway.cli.options import ConfigPath, load_or_exit
from gateway.domain.audit import START, Link, Record
from gateway.domain.units import from_epoch_ms
from gateway.ports import Database
from gateway.services import audit as trail

audit = typer.Typer(
    help="The audit trail: which operator changed what, when and from where.", no_args_is_help=True
)


@audit.command("list")
def listing(
    limit: Annotated[int, typer.Option(help="Print at most so many records.", min=1)] = 50,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line, with hashes.")
    ] = False,
    config: ConfigPath = None,
) -> None:
    """List the newest records first. Reads the database; a gateway may be running on it."""
    loaded = load_or_exit(config)
    for record in read_database(loaded.config, lambda database: trail.latest(database, limit)):
        print(_as_json(record) if as_json else _line(record))


@audit.command()
def verify(
    still_has: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER:HASH",
            help="Also check that the trail still contains this record, which you copied from an"
            " `audit.extended` log line. This detects a trail that was rewritten as a whole.",
        ),
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Check that no record was removed, changed or inserted; exit 1 and print what is wrong."""
    expected = START if still_has is None else _link(still_has)
    loaded = load_or_exit(config)

    async def check(database: Database) -> tuple[trail.ChainCheck, ...]:
        whole = await trail.verify(database)
        if expected == START:
            return (whole,)
        return whole, await trail.verify(database, expected)

    checks = read_database(loaded.config, check)
    faults = dict.fromkeys(
        f"record {fault.number}: {fault.words}" for result in checks for fault in result.faults
    )
    if faults:
        count = len(faults)
        print(f"the audit trail is not intact: {count} fault{'' if count == 1 else 's'}")
        for fault in faults:
            print(f"- {fault}")
        raise typer.Exit(1)
    print(f"ok: {checks[0].checked} records, chain intact; the last is {checks[0].head}")


def _link(text: str) -> Link:
    number, _, digest = text.partition(":")
    if not number.isascii() or not number.isdigit() or len(digest) != len(START.hash):
        raise typer.BadParameter(
            f"{text!r} is not NUMBER:HASH; copy both from an `audit.extended` log line"
        )
    return Link(int(number), digest.lower())


def _line(record: Record) -> str:
    entry = record.entry
    at = from_epoch_ms(entry.at).strftime("%Y-%m-%d %H:%M:%S")
    actor = f"{entry.made_by} ({entry.origin})"
    head = f"{record.number:>6}  {at}  {entry.act:<18} {entry.subject}  by {actor}"
    details = json.loads(entry.details)
    return head + "".join(f"\n        {line}" for line in _details(details))


def _details(details: dict[str, object]) -> list[str]:
    lines = []
    for name, value in details.items():
        values = value if isinstance(value, list) else [value]
        lines += [f"{name}: {_printable(item)}" for item in values]
    return lines


def _printable(value: object) -> str:
    """Escape control characters, so that a record can't control the operator's terminal."""
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
