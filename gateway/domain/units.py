"""Money as whole micro-dollars, time as epoch milliseconds: how they are read and written."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import NewType

Micros = NewType("Micros", int)
"""Whole micro-dollars (1 USD = 1,000,000)."""

_MICROS_PER_USD = Decimal(1_000_000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros_up(usd: Decimal) -> Micros:
    """Dollars to micro-dollars, rounding up: an estimate never promises less than it may cost."""
    return Micros(int((usd * _MICROS_PER_USD).to_integral_value(rounding=ROUND_CEILING)))


def micros_nearest(usd: Decimal) -> Micros:
    """Dollars to micro-dollars, half to even: what was actually charged.

    See docs/reliability.md, Money.
    """
    return Micros(int((usd * _MICROS_PER_USD).to_integral_value(rounding=ROUND_HALF_EVEN)))


def usd_text(micros: int) -> str:
    """Micro-dollars as decimal dollars, two decimals or as many as needed: `0.052`, `40.00`."""
    sign, rest = ("-", -micros) if micros < 0 else ("", micros)
    whole, fraction = divmod(rest, 1_000_000)
    decimals = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"


def epoch_ms(moment: datetime) -> int:
    """An aware moment as whole milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_epoch_ms(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as an aware UTC moment."""
    return _EPOCH + timedelta(milliseconds=milliseconds)
