"""Configurations to load, and what is said of bad ones."""

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
    """The configuration of the text, completed by an upstream and a team where it has none."""
    return parse(complete(text), environ).config


def complete(text: str) -> str:
    """The text with `upstreams` and `teams` below it where it has none, so that lines stay true."""
    text = textwrap.dedent(text)
    keys = {line.partition(":")[0] for line in text.splitlines()}
    text = text if text.endswith("\n") or not text else text + "\n"
    text += "" if "upstreams" in keys else UPSTREAMS.lstrip()
    return text + ("" if "teams" in keys else TEAMS.lstrip())


def complaints(text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    """Every mistake of the text, completed, in the order of the file."""
    with pytest.raises(ConfigError) as caught:
        parse(complete(text), environ)
    return [str(mistake) for mistake in caught.value.mistakes]
