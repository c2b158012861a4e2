"""docs/configuration.md matches the schema, and its examples load."""

import re
from pathlib import Path

import pytest

from gateway.config.known_fields import KnownField, all_keys
from gateway.config.loader import parse
from gateway.config.redaction import display
from gateway.config.values import duration_text, read_duration
from tests.config.samples import SECRET

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ROWS = dict(re.findall(r"^\| `([^`]+)` \| (.+?) \| .+ \|$", PAGE, re.MULTILINE))

ENVIRON = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", "".join(EXAMPLES)), SECRET)

# Sections that the examples refer to without defining them.
CONTEXT = {
    "upstreams": """\
upstreams:
  openrouter: {base_url: https://openrouter.ai/api/v1, api_key: k}
  studio: {base_url: http://10.0.0.20/api/v1, api_key: k, zdr: true}
""",
    "teams": "teams: {growth: {}, research: {}}\n",
}


def documented(path: str) -> str:
    """Return the path under which a key is documented; budgets and webhooks are documented once."""
    return path.replace("teams.*.budgets[]", "budgets[]").replace(
        "teams.*.webhooks[]", "webhooks[]"
    )


LEAVES = [key for key in all_keys() if not key.section and documented(key.path) == key.path]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads(example: str) -> None:
    context = [
        text for key, text in CONTEXT.items() if not re.search(rf"^{key}:", example, re.MULTILINE)
    ]

    # `check` refuses the placeholder of the documentation.
    text = example.replace("0" * 64, "ab" * 32)

    loaded = parse(text + "".join(context), ENVIRON)

    assert loaded.config.routing


def test_the_page_has_examples_of_most_sections() -> None:
    assert len(EXAMPLES) >= 12


@pytest.mark.parametrize("key", LEAVES, ids=lambda key: key.path)
def test_every_key_is_documented_with_its_default(key: KnownField) -> None:
    assert normalize_units(ROWS[key.path]) == normalize_units(default_of(key))


def test_every_section_is_documented() -> None:
    sections = {documented(key.path) for key in all_keys() if key.section}

    assert [
        path for path in sections if f"`{path}" not in PAGE and f"## {path}\n" not in PAGE
    ] == []


def test_every_documented_key_exists() -> None:
    known = {key.path for key in all_keys()}

    assert [path for path in ROWS if re.match(r"[a-z_]+[.\[]", path) and path not in known] == []


def default_of(key: KnownField) -> str:
    """Format the default as in the table."""
    if key.required:
        return "required"
    if key.path == "database.url":  # a SecretStr, because a URL may contain a password
        return "`sqlite:///var/gateway.db`"
    if key.path == "webhooks[].headers":  # its values are secret, its default is not
        return "`{}`"
    if key.path == "server.listen":  # one address, or a list
        return "`127.0.0.1:8080`"
    if key.default is None or key.default == ():
        return "`null`" if key.default is None else "`[]`"
    if isinstance(key.default, tuple) and isinstance(key.default[0], str):
        return "`[" + ", ".join(f'"{item}"' for item in key.default) + "]`"
    return f"`{display(key.default, tuple(key.path.split('.')))}`"


def normalize_units(text: str) -> str:
    """Write durations in one unit: the page may say 60s where the schema has 1m."""
    return re.sub(r"\b\d+[smhd]\b", lambda found: duration_text(read_duration(found[0])), text)
