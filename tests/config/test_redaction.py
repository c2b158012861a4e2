from datetime import timedelta

import pytest
from pydantic import SecretStr

from gateway.config.mistakes import Path
from gateway.config.redaction import HIDDEN, display, display_input, is_secret
from gateway.config.yaml_tree import Number


@pytest.mark.parametrize(
    "path",
    [
        ("upstreams", "a", "api_key"),
        ("upstreams", "a", "webhook_secrets", 0),
        ("upstreams", "a", "api_key", "below"),
        ("teams", "a", "webhooks", 0, "secret"),
        ("signing_key",),
        ("teams", "a", "keys", 0, "hash"),
        ("teams", "a", "keys", 0),
        ("admin", "tokens"),
        ("webhooks", 3),
    ],
)
def test_possible_secrets_are_hidden(path: Path) -> None:
    assert is_secret(path)
    assert display_input("canary", path) == display_input(Number("12345"), path) == HIDDEN
    assert display("canary", path) == display(("canary",), path) == HIDDEN


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", '"text"'),
        (Number("5.0"), "5.0"),
        (None, "null"),
        (True, "true"),
        ([1], "a list"),
        ({"a": "canary"}, "a mapping"),
        (timedelta(minutes=15), "15m"),
    ],
)
def test_other_values_are_shown_as_in_the_file(value: object, text: str) -> None:
    assert display_input(value, ("teams", "a", "zdr")) == text


def test_values_from_the_environment_are_hidden_at_any_path() -> None:
    path: Path = ("server", "listen")

    assert display_input("canary", path, {path}) == HIDDEN
    assert display_input("shown", path, {("server", "public_url")}) == '"shown"'


@pytest.mark.parametrize(
    ("url", "path", "text"),
    [
        ("https://u:pw@h/x", ("server", "public_url"), HIDDEN),
        ("https://h/x?key=1#f", ("server", "public_url"), "https://h/x"),
        ("https://h/services/T0/x", ("webhooks", 0, "url"), f"https://h/{HIDDEN}"),
        ("https://h/", ("webhooks", 0, "url"), "https://h/"),
        ("canary", ("webhooks", 0, "url"), HIDDEN),
        ("nonsense?x", ("content", "url"), "nonsense"),
    ],
)
def test_possible_secrets_in_a_url_are_removed(url: str, path: Path, text: str) -> None:
    assert display_input(url, path) == f'"{text}"'
    assert display(url, path) == text


@pytest.mark.parametrize(
    ("value", "path", "text"),
    [
        (timedelta(hours=24), ("dedupe", "ttl"), "1d"),
        (5_250_000, ("budgets", "limit_usd"), "5.25"),
        (64, ("server", "max_body_mb"), "64"),
        (None, ("limits", "max_cost_usd"), "null"),
        (False, ("retain",), "false"),
        (("a/*", "b"), ("models", "allow"), "[a/*, b]"),
        (SecretStr("canary"), ("database", "url"), HIDDEN),
    ],
)
def test_a_typed_value_is_shown_as_in_the_file(value: object, path: Path, text: str) -> None:
    assert display(value, path) == text
