"""`video-gateway doctor`"""

import asyncio

import typer

from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.cli.options import ConfigPath, loaded
from gateway.config.rules import rules_of
from gateway.config.schema import Config
from gateway.services.operations.snapshot import uncounted_jobs
from gateway.store.invariants import InvariantViolation, rules, violations
from gateway.store.migrate import Migration, bundled, pending


def doctor(config: ConfigPath = None) -> None:
    """Recompute every window from the ledger and check every rule; exit 1 with the differences.

    Reads one snapshot and changes nothing, so it may be run beside a running gateway. A schema
    that is older than this version can't be judged: that is told, and exits 1 as well.
    """
    found = loaded(config)
    warnings, missing, broken = asyncio.run(_examine(found.config))
    for warning in warnings:
        print(f"warning: {warning}")
    if missing:
        names = ", ".join(migration.label for migration in missing)
        print(
            f"nothing was checked: {names} is not in the database yet; it comes at the next start"
        )
        raise typer.Exit(1)
    if broken:
        print(f"{len(broken)} violations")
        for violation in broken:
            print(f"- {violation.rule}\n    {violation.subject}: {violation.found}")
        raise typer.Exit(1)
    print(f"ok: {len(rules()) + 1} rules hold")


async def _examine(
    config: Config,
) -> tuple[tuple[str, ...], tuple[Migration, ...], list[InvariantViolation]]:
    """Warnings, what the schema lacks, and, if it lacks nothing, every rule that is broken."""
    url, budgets = config.database.url.get_secret_value(), rules_of(config).budgets.values()
    now = SystemClock().now()
    database = await open_database(url, read_only=True)
    try:
        missing = await pending(database, bundled())
        broken = (
            []
            if missing
            else await database.read(
                lambda tx: [*violations(tx), *uncounted_jobs(tx, budgets, now)]
            )
        )
        return tuple(getattr(database, "warnings", ())), missing, broken
    finally:
        await database.close()
