"""Any interleaving of submits, refusals, ends, late ends, crashes, window boundaries and reloads.

After every step the database's invariants hold (gateway/store/invariants.py), and its windows equal
those of a model that only adds up amounts.
"""

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from gateway.adapters.database import open_database
from gateway.domain.budget import Budget, covers, window_bounds
from gateway.domain.errors import Refused
from gateway.domain.job import Cause, JobId, Status
from gateway.domain.units import epoch_ms
from tests.fakes.clock import FakeClock
from tests.fakes.postgres import PostgresServer
from tests.services.books import Books, in_force

T = TypeVar("T")
CENT = 10_000

TEAMS = st.sampled_from(["red", "blue"])
MODELS = st.sampled_from(["x/one", "y/two"])
KEYS = st.sampled_from(["ci", "web"])
ESTIMATES = st.integers(0, 6).map(lambda cents: cents * CENT)
COSTS = st.one_of(st.none(), st.integers(0, 12).map(lambda cents: f"{cents / 100:.2f}"))
ENDS = st.sampled_from([Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.EXPIRED])


@dataclass
class Mirror:
    """A job's reservation or cost in the model."""

    windows: list[str]
    estimate: int
    spent: int | None = None  # None while it is open


def rules(limit: int) -> Any:
    return in_force(
        {
            "budgets": [{"period": "day", "limit_usd": f"{limit / 100:.2f}", "alerts": [0.5]}],
            "teams": {
                "red": {
                    "budgets": [
                        {"period": "week", "limit_usd": f"{limit / 50:.2f}", "models": ["x/*"]},
                        {"period": "month", "limit_usd": "0.30", "key": "web"},
                    ]
                },
                "blue": {"budgets": [{"period": "total", "limit_usd": "0.50"}]},
            },
        }
    )


class Ledger(RuleBasedStateMachine):
    """Rules change the database through the real acts, and the model by arithmetic."""

    fresh: ClassVar[Callable[[], tuple[str, Callable[[], None]]]]
    sent = Bundle("sent")
    running = Bundle("running")
    over = Bundle("over")

    @initialize()
    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        url, self.drop = type(self).fresh()
        self.live = rules(20)
        database = self.do(open_database(url))
        self.books = Books(database, self.live, FakeClock())
        self.jobs: dict[JobId, Mirror] = {}

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @rule(target=sent, team=TEAMS, key=KEYS, model=MODELS, estimate=ESTIMATES)
    def submit(self, team: str, key: str, model: str, estimate: int) -> Any:
        budgets = [
            budget
            for budget in self.live.current.rules.budgets.values()
            if covers(budget, team, key, model)
        ]
        now = self.books.clock.now()
        places = [self._window(budget, now) for budget in budgets]
        fits = all(
            sum(self._totals()[place]) + estimate <= budget.limit_micros
            for place, budget in zip(places, budgets, strict=True)
        )
        try:
            job = self.do(self.books.submit(team, estimate, key=key, model=model)).job
        except Refused:
            assert not fits
            return multiple()
        assert fits
        self.jobs[job.id] = Mirror(places, estimate)
        return job

    @rule(target=running, job=consumes(sent))
    def accept(self, job: Any) -> JobId:
        return self.do(self.books.accept(job)).id

    @rule(target=over, job=consumes(sent))
    def refuse(self, job: Any) -> JobId:
        self.do(self.books.refuse(job))
        self.jobs[job.id].spent = 0
        return JobId(job.id)

    @rule(target=over, job=consumes(sent), crashed=st.booleans(), heard=st.booleans())
    def lose(self, job: Any, crashed: bool, heard: bool) -> JobId:
        """The process crashes or the answer is lost; then a webhook arrives or nothing does."""
        if crashed:
            self.do(self.books.tracker.orphaned(job.id))
        else:
            self.do(self.books.lose(job))
        if heard:
            self.do(self.books.accept(job))
            self._end(job.id, Status.COMPLETED, "0.01")
        else:
            self.do(self.books.tracker.assumed(job.id))
            self.jobs[job.id].spent = self.jobs[job.id].estimate
        return JobId(job.id)

    @rule(target=over, job=consumes(running), status=ENDS, cost=COSTS)
    def end(self, job: JobId, status: Status, cost: str | None) -> JobId:
        self._end(job, status, cost)
        return job

    @rule(job=over, status=ENDS, cost=COSTS)
    def end_late(self, job: JobId, status: Status, cost: str | None) -> None:
        before = self.do(self.books.find(job))
        self.do(self.books.end(job, status, cost))
        mirror = self.jobs[job]
        if cost is not None and cost != before.raw_cost and self._believed(mirror, cost):
            mirror.spent = self._cents(cost)
        unheard = before.cause is Cause.ASSUMED and before.raw_cost is None
        if cost is None and unheard and status is not Status.COMPLETED:
            mirror.spent = 0  # a failed job is free, even if that is learned late

    @rule(hours=st.sampled_from([1, 5, 24, 24 * 8, 24 * 32]))
    def pass_time(self, hours: int) -> None:
        self.do(self.books.clock.advance(hours * 3600))

    @rule(limit=st.sampled_from([1, 5, 20, 100]))
    def reload(self, limit: int) -> None:
        self.live.replace(rules(limit).config, str(limit))

    @invariant()
    def windows_are_what_the_model_says(self) -> None:
        if not hasattr(self, "books"):
            return
        found = self.do(self.books.windows())
        expected = self._totals()
        for name, money in found.items():
            if not name.startswith("account/"):
                assert money == expected[name], name

    @invariant()
    def the_doctor_is_content(self) -> None:
        if hasattr(self, "books"):
            assert self.do(self.books.broken()) == []

    def teardown(self) -> None:
        if hasattr(self, "books"):
            self.do(self.books.database.close())
            self.drop()
            self.loop.close()

    def _end(self, job: JobId, status: Status, cost: str | None) -> None:
        self.do(self.books.end(job, status, cost))
        mirror = self.jobs[job]
        if cost is None or not self._believed(mirror, cost):
            mirror.spent = mirror.estimate if status is Status.COMPLETED or cost else 0
        else:
            mirror.spent = self._cents(cost)

    def _believed(self, mirror: Mirror, cost: str) -> bool:
        return mirror.estimate == 0 or self._cents(cost) <= 100 * mirror.estimate

    @staticmethod
    def _cents(cost: str) -> int:
        return round(float(cost) * 100) * CENT

    def _window(self, budget: Budget, now: datetime) -> str:
        return f"{budget.id}@{epoch_ms(window_bounds(budget.period, now).starts_at)}"

    def _totals(self) -> dict[str, tuple[int, int]]:
        totals: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for mirror in self.jobs.values():
            for window in mirror.windows:
                spent, reserved = totals[window]
                if mirror.spent is None:
                    totals[window] = (spent, reserved + mirror.estimate)
                else:
                    totals[window] = (spent + mirror.spent, reserved)
        return totals


def run(fresh: Callable[[], tuple[str, Callable[[], None]]], examples: int) -> None:
    machine = type("LedgerOn", (Ledger,), {"fresh": staticmethod(fresh)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(300)
def test_any_interleaving_keeps_the_ledger_consistent_on_sqlite(
    sqlite_template: Path, tmp_path: Path
) -> None:
    numbers = iter(range(1_000_000))

    def fresh() -> tuple[str, Callable[[], None]]:
        path = tmp_path / f"{next(numbers)}.db"
        shutil.copyfile(sqlite_template, path)
        return f"sqlite:///{path}", lambda: path.unlink()

    run(fresh, examples=30)


@pytest.mark.timeout(300)
def test_any_interleaving_keeps_the_ledger_consistent_on_postgres(
    pg_server: PostgresServer, postgres_template: str
) -> None:
    def fresh() -> tuple[str, Callable[[], None]]:
        name = pg_server.create(postgres_template)
        return pg_server.url(name), lambda: pg_server.drop(name)

    run(fresh, examples=12)
