from datetime import timedelta

import pytest
from pydantic import SecretStr

from gateway.config.mistakes import Path
from gateway.config.secrecy import HIDDEN, is_secret, seen, shown
from gateway.config.tree import Number


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
def test_what_may_be_a_secret_is_never_shown(path: Path) -> None:
    assert is_secret(path)
    assert seen("canary", path) == seen(Number("12345"), path) == HIDDEN
    assert shown("canary", path) == shown(("canary",), path) == HIDDEN


@pytest.mark.parametrize(
    ("value", "words"),
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
def test_other_values_are_shown_as_the_file_has_them(value: object, words: str) -> None:
    assert seen(value, ("teams", "a", "zdr")) == words


def test_what_came_from_the_environment_is_hidden_wherever_it_stands() -> None:
    path: Path = ("server", "listen")

    assert seen("canary", path, {path}) == HIDDEN
    assert seen("shown", path, {("server", "public_url")}) == '"shown"'


@pytest.mark.parametrize(
    ("url", "path", "words"),
    [
        ("https://u:pw@h/x", ("server", "public_url"), HIDDEN),
        ("https://h/x?key=1#f", ("server", "public_url"), "https://h/x"),
        ("https://h/services/T0/x", ("webhooks", 0, "url"), f"https://h/{HIDDEN}"),
        ("https://h/", ("webhooks", 0, "url"), "https://h/"),
        ("canary", ("webhooks", 0, "url"), HIDDEN),
        ("nonsense?x", ("content", "url"), "nonsense"),
    ],
)
def test_a_url_is_shown_without_what_may_be_a_secret_in_it(
    url: str, path: Path, words: str
) -> None:
    assert seen(url, path) == f'"{words}"'
    assert shown(url, path) == words


@pytest.mark.parametrize(
    ("value", "path", "words"),
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
def test_a_typed_value_is_shown_as_the_file_would_write_it(
    value: object, path: Path, words: str
) -> None:
    assert shown(value, path) == words
