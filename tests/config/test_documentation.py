"""docs/configuration.md is true: its examples load, and its tables are the schema's."""

import re
from pathlib import Path

import pytest

from gateway.config.known_fields import KnownField, all_keys
from gateway.config.loader import parse
from gateway.config.secrecy import shown
from gateway.config.values import duration_text, read_duration
from tests.config.samples import SECRET

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ROWS = dict(re.findall(r"^\| `([^`]+)` \| (.+?) \| .+ \|$", PAGE, re.MULTILINE))

ENVIRON = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", "".join(EXAMPLES)), SECRET)

# What the examples name and do not define themselves.
AROUND = {
    "upstreams": """\
upstreams:
  openrouter: {base_url: https://openrouter.ai/api/v1, api_key: k}
  studio: {base_url: http://10.0.0.20/api/v1, api_key: k, zdr: true}
""",
    "teams": "teams: {growth: {}, research: {}}\n",
}


def documented(path: str) -> str:
    """Where a key is described: a team's budgets and subscribers are as the organisation's."""
    return path.replace("teams.*.budgets[]", "budgets[]").replace(
        "teams.*.webhooks[]", "webhooks[]"
    )


LEAVES = [key for key in all_keys() if not key.section and documented(key.path) == key.path]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads(example: str) -> None:
    around = [
        text for key, text in AROUND.items() if not re.search(rf"^{key}:", example, re.MULTILINE)
    ]

    # The placeholder is one that nobody's gateway starts with.
    text = example.replace("0" * 64, "ab" * 32)

    loaded = parse(text + "".join(around), ENVIRON)

    assert loaded.config.routing


def test_the_page_has_examples_of_nearly_every_section() -> None:
    assert len(EXAMPLES) >= 12


@pytest.mark.parametrize("key", LEAVES, ids=lambda key: key.path)
def test_every_key_is_described_with_its_true_default(key: KnownField) -> None:
    assert same_unit(ROWS[key.path]) == same_unit(default_of(key))


def test_every_section_is_mentioned() -> None:
    sections = {documented(key.path) for key in all_keys() if key.section}

    assert [
        path for path in sections if f"`{path}" not in PAGE and f"## {path}\n" not in PAGE
    ] == []


def test_nothing_is_described_that_does_not_exist() -> None:
    known = {key.path for key in all_keys()}

    assert [path for path in ROWS if re.match(r"[a-z_]+[.\[]", path) and path not in known] == []


def default_of(key: KnownField) -> str:
    """The default as the table writes it."""
    if key.required:
        return "required"
    if key.path == "database.url":  # a SecretStr, because another one may hold a password
        return "`sqlite:///var/gateway.db`"
    if key.default is None or key.default == ():
        return "`null`" if key.default is None else "`[]`"
    if isinstance(key.default, tuple) and isinstance(key.default[0], str):
        return "`[" + ", ".join(f'"{one}"' for one in key.default) + "]`"
    return f"`{shown(key.default, tuple(key.path.split('.')))}`"


def same_unit(text: str) -> str:
    """60s and 1m are one default; which reads better is the page's choice."""
    return re.sub(r"\b\d+[smhd]\b", lambda found: duration_text(read_duration(found[0])), text)
