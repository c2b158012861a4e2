"""Configurations for tests, and the mistakes of invalid ones."""

import textwrap
from collections.abc import Mapping

import pytest

from gateway.config.loader import parse
from gateway.config.mistakes import ConfigError
from gateway.config.schema import Config

HASH = "sha256:" + "ab" * 32
OTHER_HASH = "sha256:" + "cd" * 32
SECRET = "a-secret-of-enough-characters"

ENVIRON: Mapping[str, str] = {"OPENROUTER_API_KEY": "sk-or-v1-abcdef", "EMPTY": ""}

UPSTREAMS = """
upstreams:
  openrouter:
    base_url: https://openrouter.ai/api/v1
    api_key: ${OPENROUTER_API_KEY}
"""
TEAMS = """
teams:
  growth: {}
"""


def config(text: str = "", environ: Mapping[str, str] = ENVIRON) -> Config:
    """Load the text, with an upstream and a team added if it has none."""
    return parse(complete(text), environ).config


def complete(text: str) -> str:
    """Append `upstreams` and `teams` to the text if it has none; line numbers stay the same."""
    text = textwrap.dedent(text)
    keys = {line.partition(":")[0] for line in text.splitlines()}
    text = text if text.endswith("\n") or not text else text + "\n"
    text += "" if "upstreams" in keys else UPSTREAMS.lstrip()
    return text + ("" if "teams" in keys else TEAMS.lstrip())


def mistakes_of(text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    """Return every mistake of the completed text, in the order of the file."""
    with pytest.raises(ConfigError) as caught:
        parse(complete(text), environ)
    return [str(mistake) for mistake in caught.value.mistakes]
