"""Convert money to and from whole micro-dollars, and times to and from epoch milliseconds."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import NewType

Micros = NewType("Micros", int)
"""Whole micro-dollars (1 USD = 1,000,000)."""

_MICROS_PER_USD = Decimal(1_000_000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def micros_up(usd: Decimal) -> Micros:
    """Convert dollars to micro-dollars, rounding up, for estimates: they must not be too low."""
    return Micros(int((usd * _MICROS_PER_USD).to_integral_value(rounding=ROUND_CEILING)))


def micros_nearest(usd: Decimal) -> Micros:
    """Convert dollars to micro-dollars, rounding half to even, for actual costs.

    See docs/reliability.md, Money.
    """
    return Micros(int((usd * _MICROS_PER_USD).to_integral_value(rounding=ROUND_HALF_EVEN)))


def usd_text(micros: int) -> str:
    """Format micro-dollars as dollars with two or more decimals: `0.052`, `40.00`."""
    sign, rest = ("-", -micros) if micros < 0 else ("", micros)
    whole, fraction = divmod(rest, 1_000_000)
    decimals = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"


def epoch_ms(moment: datetime) -> int:
    """Convert an aware datetime to whole milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def from_epoch_ms(milliseconds: int) -> datetime:
    """Convert milliseconds since 1970 to an aware UTC datetime."""
    return _EPOCH + timedelta(milliseconds=milliseconds)
