"""Budgets: which requests one counts, when its windows begin and end, and what still fits.

Windows are half-open and in UTC: a moment belongs to the window that starts at or before it and
ends after it. There is no reset: a new window is simply another one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from gateway.domain.units import Micros, usd_text


class Period(StrEnum):
    """How long a window lasts."""

    DAY = "day"
    WEEK = "week"  # from Monday, as ISO 8601 has it
    MONTH = "month"
    TOTAL = "total"


def window_start(period: Period, now: datetime) -> datetime:
    """When the window that holds `now` began; for `total`, 1970.

    Raises:
        ValueError: `now` bears no time zone.

    """
    if now.tzinfo is None:
        raise ValueError("a window needs a moment with a time zone")
    if period is Period.TOTAL:
        return datetime(1970, 1, 1, tzinfo=UTC)
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period is Period.MONTH else day


def window_end(period: Period, now: datetime) -> datetime | None:
    """The first moment after the window that holds `now`; None for `total`, which never ends."""
    start = window_start(period, now)
    match period:
        case Period.DAY:
            return start + timedelta(days=1)
        case Period.WEEK:
            return start + timedelta(days=7)
        case Period.MONTH:
            return (start + timedelta(days=31)).replace(day=1)
        case Period.TOTAL:
            return None


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit per window, on the requests that its scope and filters take in."""

    period: Period
    limit_micros: Micros
    team: str | None = None
    """Whose; None is the organisation's, above every team."""
    models: tuple[str, ...] = ()
    """Globs on model id and canonical slug; none: every model."""
    key: str | None = None
    """The one key it counts; None: every key."""
    alerts: tuple[Decimal, ...] = ()
    """Shares of the limit at which an event is published."""
    former_teams: tuple[str, ...] = ()
    """Names that the team had before: their jobs count too."""
    former_keys: tuple[str, ...] = ()
    """Names that the key had before: their jobs count too."""

    @property
    def id(self) -> str:
        """What its windows are kept under: `team/growth/month?key=ci`.

        Made of scope, period and filters, so that a reload that changes the limit or the alerts,
        or the order of the list, goes on counting where it was.
        """
        scope = "organisation" if self.team is None else f"team/{_quoted(self.team)}"
        filters = [f"model={_quoted(glob)}" for glob in sorted(set(self.models))]
        filters += [] if self.key is None else [f"key={_quoted(self.key)}"]
        return f"{scope}/{self.period}{'?' if filters else ''}{'&'.join(filters)}"

    @property
    def is_renamed(self) -> bool:
        """Whether it also counts jobs of former names, which no new job has."""
        return bool(self.former_teams or self.former_keys)

    @property
    def scope(self) -> str:
        """Whose budget it is, in words."""
        return "the organisation" if self.team is None else f"team {self.team}"


def covers(
    budget: Budget, team: str, key: str, model: str, canonical_slug: str | None = None
) -> bool:
    """Whether a request of that team and key, for that model, counts toward the budget."""
    names = (model, canonical_slug or model)
    return (
        (budget.team is None or team in (budget.team, *budget.former_teams))
        and (budget.key is None or key in (budget.key, *budget.former_keys))
        and (not budget.models or any(fnmatchcase(n, g) for n in names for g in budget.models))
    )


def thresholds_crossed(
    before: int, after: int, limit: int, alerts: Iterable[Decimal]
) -> tuple[Decimal, ...]:
    """The shares of the limit that `after` reaches and `before` had not, ascending.

    Money may be released and spent again, so the same share can be crossed twice; that it is told
    once per window is the caller's to remember.
    """
    return tuple(share for share in sorted(set(alerts)) if before < share * limit <= after)


@dataclass(frozen=True, slots=True)
class Headroom:
    """How one window stands toward one request. Money in micro-dollars."""

    budget: Budget
    starts_at: datetime
    resets_at: datetime | None
    """None: never."""
    spent: int
    reserved: int
    estimate: int

    @property
    def available(self) -> int:
        """What would still fit; never negative, also after an overrun."""
        return max(0, self.budget.limit_micros - self.spent - self.reserved)

    @property
    def fits(self) -> bool:
        """Whether the request may be reserved here."""
        return self.spent + self.reserved + self.estimate <= self.budget.limit_micros

    def details(self) -> dict[str, Any]:
        """The facts of a refusal: dollars as decimal strings; `resets_at` is left out if never."""
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
        """The same for a person."""
        budget = self.budget
        money = (
            f"limit {usd_text(budget.limit_micros)} USD, spent {usd_text(self.spent)}, "
            f"reserved {usd_text(self.reserved)}; this request may cost {usd_text(self.estimate)}, "
            f"{usd_text(self.available)} would fit"
        )
        resets = "it never resets" if self.resets_at is None else f"resets {_iso(self.resets_at)}"
        return f"The {budget.period} budget of {budget.scope} has no room: {money}; {resets}."


def tightest(windows: Sequence[Headroom]) -> Headroom | None:
    """Of the windows that refuse, the one with the least room; of equals, the last to reset."""
    refusing = [window for window in windows if not window.fits]
    never = datetime.max.replace(tzinfo=UTC)
    refusing.sort(key=lambda window: window.resets_at or never, reverse=True)
    return min(refusing, key=lambda window: window.available, default=None)


def retry_after(windows: Sequence[Headroom], now: datetime) -> int | None:
    """Whole seconds until every window that refuses has reset, None where waiting can't help:
    one of them never resets, or is smaller than the request even when it is empty.
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
