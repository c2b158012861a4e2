"""Every real price key is parsed with its unit; an unknown key is reported as unknown."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.domain.price_keys import PriceKey, Unit, choose, read_prices

MODELS = json.loads((Path(__file__).parent.parent / "data" / "models.json").read_text())["data"]
LIVE_KEYS = sorted({key for model in MODELS for key in model["pricing_skus"]})


def read(name: str, price: str = "1") -> PriceKey:
    (key,), unknown = read_prices({name: Decimal(price)})
    assert unknown == ()
    return key


def keys(**prices: str) -> tuple[PriceKey, ...]:
    return read_prices({name: Decimal(price) for name, price in prices.items()})[0]


def test_all_39_real_keys_are_parsed() -> None:
    assert len(LIVE_KEYS) == 39

    known, unknown = read_prices(dict.fromkeys(LIVE_KEYS, Decimal(1)))

    assert unknown == ()
    assert sorted(key.name for key in known) == LIVE_KEYS


@pytest.mark.parametrize(
    ("name", "unit", "usd"),
    [
        ("duration_seconds", Unit.SECOND, "1"),
        ("duration_seconds_with_audio_4k", Unit.SECOND, "1"),
        ("duration_seconds_1024p", Unit.SECOND, "1"),
        ("text_to_video_duration_seconds_480p", Unit.SECOND, "1"),
        ("image_to_video_duration_seconds_720p", Unit.SECOND, "1"),
        ("reference_duration_seconds_768p", Unit.SECOND, "1"),
        ("cents_per_second_output", Unit.SECOND, "0.01"),
        ("cents_per_second_output_720p", Unit.SECOND, "0.01"),
        ("cents_per_video_output_second_1080p", Unit.SECOND, "0.01"),
        ("cents_per_second_video_continuation_720p", Unit.SECOND, "0.01"),
        ("video_tokens", Unit.TOKEN, "1"),
        ("video_tokens_without_audio", Unit.TOKEN, "1"),
        ("video_tokens_4k_with_video_input", Unit.TOKEN, "1"),
        ("cents_per_megapixel_second_precise", Unit.MEGAPIXEL_SECOND, "0.01"),
        ("reference_images", Unit.IMAGE, "1"),
        ("cents_per_image_input", Unit.IMAGE, "0.01"),
        ("minimum_cents_per_generation", Unit.JOB, "0.01"),
        ("per-video-second", Unit.SECOND, "1"),
        ("per-video-second-1080p", Unit.SECOND, "1"),
        ("per_video_second_720p", Unit.SECOND, "1"),
        ("generate", Unit.SECOND, "1"),
    ],
)
def test_a_key_has_its_unit_and_a_price_in_dollars(name: str, unit: Unit, usd: str) -> None:
    assert (read(name).unit, read(name).usd) == (unit, Decimal(usd))


def test_a_key_contains_the_conditions_of_its_price() -> None:
    sound = read("duration_seconds_without_audio_720p")
    assert (sound.audio, sound.resolution, sound.mode) == (False, "720p", None)

    still = read("image_to_video_duration_seconds_1080p")
    assert (still.audio, still.resolution, still.mode) == (None, "1080p", "image")

    tokens = read("video_tokens_1080p_with_video_input")
    assert (tokens.video_input, tokens.resolution, tokens.audio) == (True, "1080p", None)

    more = read("cents_per_second_video_continuation_720p", "41")
    assert (more.mode, more.resolution, more.shown) == ("continuation", "720p", "41 cents/s")


@pytest.mark.parametrize("name", ["duration_seconds_2k", "text_to_video_duration_seconds_4k"])
def test_a_new_resolution_of_a_known_family_is_parsed(name: str) -> None:
    assert read(name).resolution == name[-2:]


@pytest.mark.parametrize(
    "name",
    [
        *("", "seconds", "duration_second", "duration_seconds_hd", "duration_seconds_720"),
        *("DURATION_SECONDS", "duration_seconds_720p_with_audio", "cents_per_audio_second"),
        *("video_token", "video_tokens_with_audio_input", "image_input", "generate_4k"),
        *("maximum_cents_per_generation", "cents_per_second_input", "duration_seconds_\u0661k"),
    ],
)
def test_a_key_of_another_kind_is_reported_unknown(name: str) -> None:
    assert read_prices({name: Decimal(1)}) == ((), (name,))


VEO = keys(
    duration_seconds_with_audio="0.12",
    duration_seconds_with_audio_4k="0.30",
    duration_seconds_without_audio="0.10",
    duration_seconds_without_audio_720p="0.08",
)


@pytest.mark.parametrize(
    ("audio", "resolution", "name"),
    [
        (True, "4k", "duration_seconds_with_audio_4k"),
        (True, "1080p", "duration_seconds_with_audio"),
        (True, None, "duration_seconds_with_audio"),
        (False, "720p", "duration_seconds_without_audio_720p"),
        (False, "1080p", "duration_seconds_without_audio"),
    ],
)
def test_the_most_specific_key_wins(audio: bool, resolution: str | None, name: str) -> None:
    chosen = choose(VEO, "text", audio=audio, resolution=resolution)

    assert chosen is not None
    assert chosen.name == name


def test_a_key_for_audio_is_never_skipped_for_a_cheaper_one() -> None:
    kling = keys(
        duration_seconds="0.112",
        duration_seconds_with_audio="0.168",
        image_to_video_duration_seconds_720p="0.112",
    )
    loud = choose(kling, "image", audio=True, resolution="720p")
    silent = choose(kling, "image", audio=False, resolution="720p")

    assert (loud and loud.name) == "duration_seconds_with_audio"
    assert (silent and silent.name) == "image_to_video_duration_seconds_720p"


def test_dollars_take_precedence_over_cents_and_specific_keys_over_general_ones() -> None:
    both = keys(cents_per_second_output_720p="3", duration_seconds="0.05")
    cents = keys(cents_per_second_output_720p="3", cents_per_video_output_second="2")

    dollars = choose(both, "text", audio=False, resolution="720p")
    named = choose(cents, "text", audio=False, resolution="720p")

    assert (dollars and dollars.name) == "duration_seconds"
    assert (named and named.name) == "cents_per_video_output_second"


def test_continuations_and_references_use_their_own_keys_if_there_are_any() -> None:
    flux = keys(
        cents_per_second_output_720p="17",
        cents_per_second_video_continuation_720p="41",
        reference_duration_seconds="0.2",
    )

    def name(mode: str, resolution: str) -> str | None:
        chosen = choose(flux, mode, audio=True, resolution=resolution)  # type: ignore[arg-type]
        return chosen.name if chosen else None

    assert name("continuation", "720p") == "cents_per_second_video_continuation_720p"
    assert name("continuation", "1080p") is None
    assert name("reference", "1080p") == "reference_duration_seconds"
    assert name("text", "720p") == "cents_per_second_output_720p"
    assert name("text", "1080p") is None


def test_without_a_matching_key_there_is_no_price() -> None:
    assert choose((), "text", audio=True, resolution="720p") is None
    assert choose(VEO[:1], "text", audio=False, resolution=None) is None
