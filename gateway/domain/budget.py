"""Budgets: which requests a budget counts, when its windows begin and end, and what still fits.

Windows are half-open and in UTC: a moment belongs to the window that starts at or before it and
ends after it. No window is ever reset: each period has a window of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from gateway.domain.units import Micros, epoch_ms, usd_text


class Period(StrEnum):
    """How long a window lasts."""

    DAY = "day"
    WEEK = "week"  # starts on Monday (ISO 8601)
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class WindowBounds:
    """The start of a window, and the first moment after it; for `total`, 1970 and None.

    `starts_ms` and `ends_ms` are the same in milliseconds since 1970.
    """

    starts_at: datetime
    ends_at: datetime | None
    starts_ms: int
    ends_ms: int | None


def window_bounds(period: Period, now: datetime) -> WindowBounds:
    """Return the bounds of the window that contains `now`.

    Raises:
        ValueError: `now` has no time zone.

    """
    if now.tzinfo is None:
        raise ValueError("`now` must have a time zone")
    return _bounds(period, now.astimezone(UTC).date())


def window_end(period: Period, now: datetime) -> datetime | None:
    """Return the first moment after the window that contains `now`; see `window_bounds`."""
    return window_bounds(period, now).ends_at


@lru_cache(maxsize=256)
def _bounds(period: Period, day: date) -> WindowBounds:
    """Every submit asks for the bounds of each of its budgets, and they change once a day."""
    if period is Period.TOTAL:
        return WindowBounds(datetime(1970, 1, 1, tzinfo=UTC), None, 0, None)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if period is Period.DAY:
        return _until(start, start + timedelta(days=1))
    if period is Period.WEEK:
        start -= timedelta(days=day.weekday())
        return _until(start, start + timedelta(days=7))
    start = start.replace(day=1)
    return _until(start, (start + timedelta(days=31)).replace(day=1))


def _until(start: datetime, end: datetime) -> WindowBounds:
    return WindowBounds(start, end, epoch_ms(start), epoch_ms(end))


@dataclass(frozen=True, slots=True)
class Budget:
    """A spending limit per window for the requests that match its scope and filters."""

    period: Period
    limit_micros: Micros
    team: str | None = None
    """The team; None means the whole organisation."""
    models: tuple[str, ...] = ()
    """Globs on the model id and the canonical slug; empty means every model."""
    key: str | None = None
    """The one API key it counts; None means every key."""
    alerts: tuple[Decimal, ...] = ()
    """Shares of the limit at which an event is published."""
    former_teams: tuple[str, ...] = ()
    """Earlier names of the team; jobs under these names count too."""
    former_keys: tuple[str, ...] = ()
    """Earlier names of the key; jobs under these names count too."""
    id: str = field(init=False, compare=False, default="")
    """The key of the budget's windows in the store: `team/growth/month?key=ci`.

    It consists of scope, period and filters. A reload that changes only the limit, the alerts or
    the order of the list therefore keeps the counted amounts.
    """

    def __post_init__(self) -> None:
        """Make the id, which every submit reads several times."""
        object.__setattr__(self, "id", self._id())

    def _id(self) -> str:
        scope = "organisation" if self.team is None else f"team/{_quoted(self.team)}"
        filters = [f"model={_quoted(glob)}" for glob in sorted(set(self.models))]
        filters += [] if self.key is None else [f"key={_quoted(self.key)}"]
        return f"{scope}/{self.period}{'?' if filters else ''}{'&'.join(filters)}"

    @property
    def is_renamed(self) -> bool:
        """Whether it also counts jobs under former names. New jobs never have a former name."""
        return bool(self.former_teams or self.former_keys)

    @property
    def scope(self) -> str:
        """The owner of the budget, for messages."""
        return "the organisation" if self.team is None else f"team {self.team}"


def covers(
    budget: Budget, team: str, key: str, model: str, canonical_slug: str | None = None
) -> bool:
    """Return whether the budget counts a request of this team and key for this model."""
    names = (model, canonical_slug or model)
    return (
        (budget.team is None or team in (budget.team, *budget.former_teams))
        and (budget.key is None or key in (budget.key, *budget.former_keys))
        and (not budget.models or any(fnmatchcase(n, g) for n in names for g in budget.models))
    )


def thresholds_crossed(
    before: int, after: int, limit: int, alerts: Iterable[Decimal]
) -> tuple[Decimal, ...]:
    """Return the shares of the limit that `after` reaches and `before` had not, ascending.

    Money may be released and spent again, so the same share can be crossed twice. The caller makes
    sure that each share publishes one event per window.
    """
    return tuple(share for share in sorted(set(alerts)) if before < share * limit <= after)


@dataclass(frozen=True, slots=True)
class Headroom:
    """One window's amounts beside one request's estimate, in micro-dollars."""

    budget: Budget
    starts_at: datetime
    resets_at: datetime | None
    """None: the window never ends."""
    spent: int
    reserved: int
    estimate: int

    @property
    def available(self) -> int:
        """The amount that still fits; never negative, even after an overrun."""
        return max(0, self.budget.limit_micros - self.spent - self.reserved)

    @property
    def fits(self) -> bool:
        """Whether the request may be reserved here."""
        return self.spent + self.reserved + self.estimate <= self.budget.limit_micros

    def details(self) -> dict[str, Any]:
        """Return the details of a refusal, dollars as decimal strings, no `resets_at` if None."""
        facts = {
            "budget": self.budget.id,
            "window": self.budget.period.value,
            "starts_at": _iso(self.starts_at),
            "limit_usd": usd_text(self.budget.limit_micros),
            "spent_usd": usd_text(self.spent),
            "reserved_usd": usd_text(self.reserved),
            "estimate_usd": usd_text(self.estimate),
            "would_fit_usd": usd_text(self.available),
        }
        return facts if self.resets_at is None else facts | {"resets_at": _iso(self.resets_at)}

    def sentence(self) -> str:
        """Return the details of a refusal as a sentence."""
        budget = self.budget
        money = (
            f"limit {usd_text(budget.limit_micros)} USD, spent {usd_text(self.spent)}, "
            f"reserved {usd_text(self.reserved)}, estimate {usd_text(self.estimate)}; "
            f"{usd_text(self.available)} would fit"
        )
        resets = "never resets" if self.resets_at is None else f"resets at {_iso(self.resets_at)}"
        return (
            f"The request would exceed the {budget.period} budget of {budget.scope}: {money};"
            f" {resets}."
        )


def tightest(windows: Sequence[Headroom]) -> Headroom | None:
    """Return the refusing window with the least available money; of equals, the last to reset."""
    refusing = [window for window in windows if not window.fits]
    never = datetime.max.replace(tzinfo=UTC)
    refusing.sort(key=lambda window: window.resets_at or never, reverse=True)
    return min(refusing, key=lambda window: window.available, default=None)


def retry_after(windows: Sequence[Headroom], now: datetime) -> int | None:
    """Return the whole seconds until every refusing window has reset.

    None means that waiting does not help: a window never resets, or its limit is below the
    estimate even when nothing is spent.
    """
    waits = []
    for window in windows:
        if window.fits:
            continue
        if window.resets_at is None or window.estimate > window.budget.limit_micros:
            return None
        waits.append(-((now - window.resets_at) // timedelta(seconds=1)))
    return max(1, *waits) if waits else None


def _quoted(text: str) -> str:
    return quote(text, safe="*")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
