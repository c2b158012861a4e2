"""Money and time: exact conversion, and the rounding of each use."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.units import epoch_ms, from_epoch_ms, micros_nearest, micros_up, usd_text

MICROS = st.integers(0, 2**62)


@pytest.mark.parametrize(
    ("usd", "up", "nearest"),
    [
        ("0", 0, 0),
        ("0.05", 50_000, 50_000),
        ("0.0000001", 1, 0),
        ("0.0000005", 1, 0),  # half to even
        ("0.0000015", 2, 2),
        ("0.1358000001", 135_801, 135_800),
        ("1234567.654321", 1_234_567_654_321, 1_234_567_654_321),
    ],
)
def test_an_estimate_rounds_up_and_a_charge_to_the_nearest(usd: str, up: int, nearest: int) -> None:
    assert (micros_up(Decimal(usd)), micros_nearest(Decimal(usd))) == (up, nearest)


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0.00"), (1, "0.000001"), (52_000, "0.052"), (40_000_000, "40.00"),
        (1_500_000, "1.50"), (-70_000, "-0.07"), (-1, "-0.000001"),
    ],
)  # fmt: skip
def test_money_is_shown_with_two_decimals_or_as_many_as_it_has(micros: int, text: str) -> None:
    assert usd_text(micros) == text


@given(micros=MICROS)
def test_formatted_amounts_parse_back_unchanged(micros: int) -> None:
    assert micros_up(Decimal(usd_text(micros))) == micros
    assert micros_nearest(Decimal(usd_text(micros))) == micros


@given(
    usd=st.decimals(min_value=0, max_value=10**6, places=9, allow_nan=False, allow_infinity=False)
)
def test_an_estimate_is_never_less_than_the_price(usd: Decimal) -> None:
    assert Decimal(usd_text(micros_up(usd))) >= usd
    assert abs(Decimal(usd_text(micros_nearest(usd))) - usd) <= Decimal("0.0000005")


@given(milliseconds=st.integers(-(10**13), 10**14))
def test_times_round_trip_through_milliseconds(milliseconds: int) -> None:
    assert epoch_ms(from_epoch_ms(milliseconds)) == milliseconds


def test_a_time_is_truncated_to_milliseconds_in_any_zone() -> None:
    moment = datetime(2026, 11, 22, 12, 0, 0, 1_999, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=9)))

    assert epoch_ms(moment) == epoch_ms(elsewhere) == 1_795_348_800_001
    assert from_epoch_ms(0) == datetime(1970, 1, 1, tzinfo=UTC)
