"""Values in error messages."""

from gateway.domain.violation import shown


def test_a_value_is_shown_as_json() -> None:
    assert shown("8K") == '"8K"'
    assert shown({"a": [1, None]}) == '{"a": [1, null]}'


def test_a_long_value_is_cut_and_says_how_long_it_was() -> None:
    assert shown("x" * 500).endswith("… (502 characters)")
    assert len(shown("x" * 500)) < 120
    assert len(shown(list(range(500)))) < 120
