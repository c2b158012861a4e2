"""`video-gateway doctor`"""

from dataclasses import dataclass

import typer

from gateway.adapters.clock import SystemClock
from gateway.cli.database import read_database
from gateway.cli.options import ConfigPath, load_or_exit
from gateway.config.rules import rules_of
from gateway.config.schema import Config
from gateway.ports import Database
from gateway.services.operations.snapshot import uncounted_jobs
from gateway.store.invariants import InvariantViolation, rules, violations
from gateway.store.migrate import Migration, bundled, pending


@dataclass(frozen=True, slots=True)
class _Diagnosis:
    """What the checks found. Where migrations are pending, no rule was checked."""

    warnings: tuple[str, ...]
    pending: tuple[Migration, ...]
    violations: list[InvariantViolation]


def doctor(config: ConfigPath = None) -> None:
    """Recompute every budget window from the ledger and check every invariant; exit 1 if one fails.

    Reads one snapshot and changes nothing, so you can run it beside a running gateway. If the
    database schema is older than this version, nothing is checked and the exit code is 1, too.
    """
    loaded = load_or_exit(config)
    found = read_database(loaded.config, lambda database: _diagnose(database, loaded.config))
    for warning in found.warnings:
        print(f"warning: {warning}")
    if found.pending:
        names = ", ".join(migration.label for migration in found.pending)
        print(
            f"nothing was checked: the database lacks the migrations {names};"
            " `video-gateway serve` applies them when it starts"
        )
        raise typer.Exit(1)
    if found.violations:
        count = len(found.violations)
        print(f"{count} violation{'' if count == 1 else 's'}")
        for violation in found.violations:
            print(f"- {violation.rule}\n    {violation.subject}: {violation.found}")
        raise typer.Exit(1)
    print(f"ok: {len(rules()) + 1} rules checked, no violation")


async def _diagnose(database: Database, config: Config) -> _Diagnosis:
    budgets, now = rules_of(config).budgets.values(), SystemClock().now()
    warnings = tuple(getattr(database, "warnings", ()))
    missing = await pending(database, bundled())
    if missing:
        return _Diagnosis(warnings, missing, [])
    found = await database.read(lambda tx: [*violations(tx), *uncounted_jobs(tx, budgets, now)])
    return _Diagnosis(warnings, (), found)
