"""Redaction: the canary never sings, the harmless stays readable, hostile texts cost nothing."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.redaction import (
    DEPTH_LIMIT,
    ITEM_LIMIT,
    REDACTED,
    TEXT_LIMIT,
    redact_field,
    redact_text,
    redact_url,
)

CANARY = "cAnaRyCaNaryCAnary0123456789"


@pytest.mark.parametrize(
    "name",
    [
        "prompt",
        "body",
        "request_body",
        "authorization",
        "Authorization",
        "X-Api-Key",
        "apiKey",
        "api_key",
        "webhook_secret",
        "webhook_secrets",
        "token",
        "correlation_token",
        "sig",
        "x-openrouter-signature",
        "Set-Cookie",
        "password",
        "signing_key",
        "payload",
        "frame_images",
        "imageUrl",
        "query",
    ],
)
def test_a_field_with_a_telling_name_keeps_no_text(name: str) -> None:
    assert redact_field(name, "four words of prompt") == REDACTED
    assert redact_field(name, ["four words of prompt"]) == REDACTED
    assert redact_field("outer", {name: "four words of prompt"}) == {name: REDACTED}


@pytest.mark.parametrize("name", ["body_bytes", "prompt_tokens", "token_count"])
def test_a_number_stays_under_any_name(name: str) -> None:
    assert redact_field(name, 12) == 12
    assert redact_field("outer", {name: None}) == {name: None}


@pytest.mark.parametrize("name", ["job_id", "team", "antibody", "signal", "authority", "model"])
def test_a_name_that_only_resembles_a_telling_one_is_kept(name: str) -> None:
    assert redact_field(name, "value") == "value"


@pytest.mark.parametrize(
    "text",
    [
        f"vg_{CANARY}",
        f"the key vg_{CANARY}, was refused",
        f"%22vg_{CANARY}%22",
        f"sk-or-v1-{CANARY}",
        f"whsec_{CANARY}",
        f"Bearer {CANARY}",
        f"bearer  {CANARY}",
        f"Authorization: {CANARY}",
        f"authorization: Bearer {CANARY}",
        f"Basic {CANARY}==",
        f"eyJ{CANARY}.{CANARY}.{CANARY}",
        f"https://{CANARY}@host.example/a",
        f"https://user:{CANARY}@host.example/a",
        f"https://host.example/a?sig={CANARY}&index=0",
        f"https://host.example/a?{CANARY}",
        f"https://host.example/a#{CANARY}",
        f"https://hooks.example/services/T01/B01/{CANARY}",
        f"postgresql://gateway:{CANARY}@db/gateway",
        f"host=db user=gateway password={CANARY} dbname=gateway",
        f"/api/v1/videos/gen-vid-1/content?index=0&sig={CANARY}",
        f"/webhooks/openrouter/{CANARY}",
        f"POST /webhooks/openrouter/{CANARY} HTTP/1.1",
        f"signature%3D{CANARY}",
        f"signature={CANARY}",
        f"t=1,sig = '{CANARY}'",
        f'{{"prompt": "a cat with a {CANARY} \\" and a {CANARY}"}}',
        f"{{'prompt': 'a cat with a {CANARY}'}}",
        f"data:image/png;base64,{CANARY}",
        f"https://u:{CANARY}@token:1/",
        f"{'x ' * 3000}vg_{CANARY}",
        f"{'x ' * (TEXT_LIMIT - 4)}vg_{CANARY}",
        "vg_" + CANARY * 200,
    ],
)
def test_a_secret_never_leaves_whatever_surrounds_it(text: str) -> None:
    for told in (redact_text(text), str(redact_field("note", {"deep": [text, {text: 1}]}))):
        assert CANARY not in told
        assert CANARY[:12] not in told


@given(before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_key_is_found_in_any_company(before: str, after: str) -> None:
    assert CANARY not in redact_text(f"{before}vg_{CANARY}{after}")


@pytest.mark.parametrize(
    "text",
    [
        "job.submitted",
        "gen-vid-1763800000-abcdefghij0123456789",
        "/api/v1/videos/{job_id}",
        "google/veo-3.1",
        "Duration 99s is not supported for this model. Supported durations: 1, 2, 3s",
        "did you mean 4k? yes",
        "2026-11-22T12:00:00.000Z",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "https://host.example:8443/api/v1/videos/gen-vid-1763800000-abcdefghij0123456789",
        "ключ не найден",
    ],
)
def test_what_operators_need_stays_as_it_is(text: str) -> None:
    assert redact_text(text) == text


def test_a_url_keeps_where_it_leads_and_loses_what_it_says() -> None:
    url = "https://user:pw@host.example:8443/videos/content?index=0&sig=abc#top"

    assert redact_url(url) == "https://host.example:8443/videos/content?…"
    assert redact_url("no url at all") == REDACTED


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    told = redact_text("word " * 10_000)

    assert len(told) < TEXT_LIMIT + 40
    assert told.endswith("(50000 characters)")


@pytest.mark.parametrize(
    "piece",
    [
        "a-",
        "token",
        '"token" ',
        "?",
        "://",
        "data:",
        "bearer ",
        "vg_",
        "eyJ-",
        "=:",
        "/webhooks/",
        "'\\",
    ],
)
def test_a_hostile_text_of_a_megabyte_costs_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))

    started = time.perf_counter()
    redact_text(text)
    redact_text(text[:TEXT_LIMIT])

    assert time.perf_counter() - started < 0.1  # measured: below 1 ms; quadratic would be seconds


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Request:
    prompt: str


def test_plain_data_becomes_json_and_objects_only_their_type() -> None:
    assert redact_field("x", Colour.RED) == "red"
    assert redact_field("x", True) is True
    assert redact_field("x", Decimal("0.052")) == "0.052"
    assert redact_field("x", timedelta(seconds=1.5)) == 1.5
    assert redact_field("x", datetime(2026, 11, 22, tzinfo=UTC)) == "2026-11-22T00:00:00.000+00:00"
    assert redact_field("x", Path("a/b")) == "a/b"
    assert redact_field("x", 2**70) == str(2**70)
    assert redact_field("x", b"a cat") == "<5 bytes>"
    assert redact_field("x", Request("a cat")) == "<Request>"
    assert redact_field("x", ValueError("a cat")) == "ValueError"


def test_big_and_deep_collections_are_cut() -> None:
    deep: object = "bottom"
    for _ in range(DEPTH_LIMIT + 3):
        deep = [deep]

    wide = redact_field("x", list(range(ITEM_LIMIT + 5)))
    table = redact_field("x", {f"k{n}": n for n in range(ITEM_LIMIT + 5)})

    assert "bottom" not in str(redact_field("x", deep))
    assert isinstance(wide, list)
    assert wide[-1] == "… 5 more"
    assert isinstance(table, dict)
    assert table["…"] == 5
