"""The price of one fully specified video."""

from decimal import Decimal

import pytest

from gateway.domain.charge import charge, usd_in_full
from gateway.domain.interpretations import Interpretation
from gateway.domain.price_keys import PriceKey, read_prices
from gateway.domain.video_tokens import Picture

FOUR_SECONDS = Interpretation(4, "480p", audio=False, mode="text", input_seconds=0)
SQUARE = Picture(640 * 640, "640x640 px")


def keys(**prices: str) -> tuple[PriceKey, ...]:
    return read_prices({name: Decimal(price) for name, price in prices.items()})[0]


def usd(prices: tuple[PriceKey, ...], *, images: int = 0, picture: Picture | None = None) -> str:
    billed = charge(FOUR_SECONDS, prices, images=images, picture=picture)
    assert billed is not None
    return usd_in_full(billed.usd)


def test_seconds_and_images_are_added() -> None:
    prices = keys(duration_seconds="0.13", reference_images="0.04", cents_per_image_input="1")

    assert usd(prices) == "0.52"
    assert usd(prices, images=2) == "0.62"


def test_tokens_need_a_picture() -> None:
    prices = keys(video_tokens="0.0000035")

    assert charge(FOUR_SECONDS, prices, images=0, picture=None) is None
    assert usd(prices, picture=SQUARE) == "0.1358"


def test_the_higher_of_a_per_second_and_a_per_token_price_counts() -> None:
    assert usd(keys(video_tokens="0.0000035", duration_seconds="0.01"), picture=SQUARE) == "0.1358"
    assert usd(keys(video_tokens="0.0000035", duration_seconds="1"), picture=SQUARE) == "4.00"


def test_a_minimum_applies_to_the_total_and_is_no_price_by_itself() -> None:
    floor = keys(minimum_cents_per_generation="56")
    assert charge(FOUR_SECONDS, floor, images=0, picture=None) is None

    assert usd(keys(duration_seconds="0.10", minimum_cents_per_generation="56")) == "0.56"
    assert usd(keys(duration_seconds="0.20", minimum_cents_per_generation="56")) == "0.80"


@pytest.mark.parametrize(
    ("amount", "text"),
    [("3.2", "3.20"), ("0", "0.00"), ("1E+2", "100.00"), ("0.135800", "0.1358"), ("5", "5.00")],
)
def test_dollars_are_formatted_with_every_digit(amount: str, text: str) -> None:
    assert usd_in_full(Decimal(amount)) == text
