"""Texts from outside."""

import pytest

from gateway.domain.text import origin, storable


def test_a_text_that_no_database_holds_becomes_one() -> None:
    assert storable("a\0b\ud800c") == "a\ufffdb?c"
    assert storable("ein Füchslein 🦊") == "ein Füchslein 🦊"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example/path?token=1", "https://hooks.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://user:secret@hooks.example:8443/x", "https://hooks.example:8443"),
    ],
)
def test_only_the_origin_of_a_url_is_shown(url: str, shown: str) -> None:
    assert origin(url) == shown
