"""Tests of the messages about invalid files."""

import pytest

from gateway.config.mistakes import ConfigError, Mistake, path_text, quoted, suggestion
from tests.config.bad_files import ONE_MISTAKE
from tests.config.samples import mistakes_of


@pytest.mark.parametrize(("text", "message"), ONE_MISTAKE)
def test_a_mistake_names_the_path_the_value_and_what_is_allowed(text: str, message: str) -> None:
    assert mistakes_of(text) == [message]


def test_the_table_covers_at_least_sixty_mistakes() -> None:
    assert len({message for _, message in ONE_MISTAKE}) >= 60


def test_a_path_is_formatted_with_dots_and_brackets() -> None:
    path = ("teams", "growth", "budgets", 0, "period")

    assert path_text(path) == "teams.growth.budgets[0].period"
    assert path_text(("teams", "two words", "zdr")) == 'teams["two words"].zdr'
    assert path_text(()) == ""


def test_a_mistake_omits_empty_fields() -> None:
    assert str(Mistake("", "the file is empty")) == "the file is empty"
    assert str(Mistake("a.b", "missing")) == "a.b: missing"
    assert str(Mistake("a", "", "3", "text", "quote it")) == "a: saw 3; allowed: text (quote it)"


def test_an_error_leads_each_line_with_file_and_line_where_they_are_known() -> None:
    mistakes = [Mistake("a", "missing", line=7), Mistake("", "empty")]

    assert str(ConfigError(mistakes, "x.yaml")) == "x.yaml:7: a: missing\nx.yaml: empty"
    assert str(ConfigError(mistakes)) == "7: a: missing\nempty"


def test_what_is_repeated_stays_on_one_line_and_short() -> None:
    assert quoted("a\nb\x1b[31m") == '"a\\x0ab\\x1b[31m"'
    assert len(quoted("x" * 5000)) < 100


def test_only_a_near_word_is_proposed() -> None:
    assert suggestion("upstream", ["teams", "upstreams"]) == 'did you mean "upstreams"?'
    assert suggestion("qqq", ["teams", "upstreams"]) == ""
