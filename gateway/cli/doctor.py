"""`video-gateway doctor`"""

import asyncio

import typer

from gateway.adapters.database import open_database
from gateway.cli.options import ConfigPath, loaded
from gateway.store.invariants import Violation, rules, violations
from gateway.store.migrate import bundled, pending


def doctor(config: ConfigPath = None) -> None:
    """Recompute every window from the ledger and check every rule; exit 1 with the differences.

    Reads one snapshot and changes nothing, so it may be run beside a running gateway.
    """
    found = loaded(config)
    warnings, broken = asyncio.run(_examine(found.config.database.url.get_secret_value()))
    for warning in warnings:
        print(f"warning: {warning}")
    if broken:
        print(f"{len(broken)} violations")
        for violation in broken:
            print(f"- {violation.rule}\n    {violation.subject}: {violation.found}")
        raise typer.Exit(1)
    print(f"ok: {len(rules())} rules hold")


async def _examine(url: str) -> tuple[tuple[str, ...], list[Violation]]:
    database = await open_database(url, read_only=True)
    try:
        behind = await pending(database, bundled())
        if behind:
            names = ", ".join(migration.label for migration in behind)
            return (f"the schema is older than this version: {names} come at the next start",), []
        broken = await database.read(lambda tx: list(violations(tx)))
        return tuple(getattr(database, "warnings", ())), broken
    finally:
        await database.close()
