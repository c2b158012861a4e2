"""What is configured and not enforced is told; and nothing is, now."""

from pathlib import Path

from gateway.config.inactive import Inactive, inactive_features
from gateway.config.loader import parse
from tests.config.samples import config

FULL = Path(__file__).parent / "full.yaml"


def test_an_inactive_feature_is_told_only_where_it_is_configured() -> None:
    entry = Inactive("callbacks: not yet", lambda config: config.callbacks.allow_http)

    assert inactive_features(config("callbacks: {allow_http: true}\n"), [entry]) == [entry.words]
    assert inactive_features(config(""), [entry]) == []


def test_everything_that_the_file_may_say_is_in_force() -> None:
    text = FULL.read_text("utf-8")
    every_variable = dict.fromkeys(_names(text), "a-secret-of-at-least-thirty-two-characters")

    assert inactive_features(parse(text, every_variable, "full.yaml").config) == []


def _names(text: str) -> list[str]:
    return [part.partition("}")[0].partition(":")[0] for part in text.split("${")[1:]]
