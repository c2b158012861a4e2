import hashlib
import string
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.document import read_document
from gateway.config.loader import load, parse, version_of
from gateway.config.mistakes import ConfigError
from tests.config.samples import ENVIRON, HASH, SECRET, complete, config, mistakes_of

FULL = Path(__file__).with_name("full.yaml")
SHIPPED = Path(__file__).parents[2] / "config" / "gateway.yaml"

FULL_ENVIRON = {
    "OPENROUTER_API_KEY": "sk-or-v1-abcdef",
    "VIDEO_GATEWAY_SIGNING_KEY": "k" * 32,
    "RENDER_HOOK_SECRET": "r" * 16,
    "HOOK_SECRET": "h" * 16,
}


def test_a_minimal_file_has_an_upstream_and_a_team() -> None:
    loaded = parse(complete(""), ENVIRON)

    assert list(loaded.config.upstreams) == ["openrouter"]
    assert list(loaded.config.teams) == ["growth"]
    assert loaded.config.upstreams["openrouter"].api_key.get_secret_value() == "sk-or-v1-abcdef"
    assert loaded.warnings == ()


def test_a_file_with_every_key_loads() -> None:
    loaded = load(FULL, FULL_ENVIRON)

    growth = loaded.config.teams["growth"]
    assert [budget.limit_micros for budget in growth.budgets] == [
        50_000_000,
        500_000_000,
        100_000_000,
    ]
    assert growth.budgets[2].key == "ci"
    assert growth.webhooks[1].unless_callback
    assert growth.webhooks[0].secret.get_secret_value() == "r" * 16
    assert loaded.config.upstreams["openrouter"].webhook_secrets == ()
    assert loaded.warnings == ()


def test_the_shipped_file_needs_one_variable_and_has_no_warnings() -> None:
    loaded = load(SHIPPED, {"OPENROUTER_API_KEY": "sk-or-v1-abcdef"})

    assert loaded.warnings == ()
    assert loaded.config.signing_key is None
    with pytest.raises(ConfigError) as caught:
        load(SHIPPED, {})
    assert [mistake.path for mistake in caught.value.mistakes] == ["upstreams.openrouter.api_key"]


def test_the_shipped_file_contains_the_defaults() -> None:
    shipped = load(SHIPPED, {"OPENROUTER_API_KEY": "k"}).config
    plain = config()

    for name in ("server", "database", "content", "catalog", "pricing", "callbacks", "delivery"):
        assert getattr(shipped, name) == getattr(plain, name), name
    assert shipped.upstreams["openrouter"].poll == plain.upstreams["openrouter"].poll
    assert shipped.upstreams["openrouter"].timeout == plain.upstreams["openrouter"].timeout
    assert shipped.routing == plain.routing
    assert (shipped.admin, shipped.telemetry) == (plain.admin, plain.telemetry)
    default, growth = shipped.teams["default"], plain.teams["growth"]
    assert default.model_copy(update={"budgets": ()}) == growth


def test_every_mistake_is_reported_in_the_order_of_the_file() -> None:
    text = f"""\
        server: {{listen: 80, answer_withn: 4s}}
        database: {{url: ${{NOWHERE}}}}
        upstreams:
          a: {{base_url: nonsense, api_key: key}}
        routing:
          - to: b
        budgets:
          - {{period: year, limit_usd: 1}}
          - {{period: year, limit_usd: 2}}
        teams:
          growth:
            keys:
              - {{name: x, hash: "{HASH}"}}
              - {{name: x, hash: "{HASH}"}}
            retain: maybe
            retain: maybe
        """
    mistakes = mistakes_of(text)

    assert [line.partition(": ")[0] for line in mistakes] == [
        "server.answer_withn",
        "server.listen",
        "database.url",
        "upstreams.a.base_url",
        "routing[0].to",
        "budgets[0].period",
        "budgets[1]",
        "budgets[1].period",
        "teams.growth.keys[1].hash",
        "teams.growth.keys[1].name",
        "teams.growth.retain",
        "teams.growth.retain",
    ]


def test_a_mistake_has_a_line_also_in_lists_and_for_missing_keys() -> None:
    text = complete("budgets:\n  - period: day\n  - {period: week,\n     limit_usd: x}\n")

    with pytest.raises(ConfigError) as caught:
        parse(text, ENVIRON, "c.yaml")

    assert [line.partition(": ")[0] for line in caught.value.lines()] == ["c.yaml:2", "c.yaml:4"]


def test_a_missing_variable_is_the_only_mistake_of_its_value() -> None:
    mistakes = mistakes_of("routing:\n  - to: ${NOWHERE}\nsigning_key: ${NOWHERE}\n")

    assert len(mistakes) == 2
    assert all("NOWHERE is not set" in line for line in mistakes)


def test_without_routing_there_is_a_rule_per_upstream_in_order() -> None:
    text = """\
        upstreams:
          b: {base_url: https://b.example, api_key: key}
          a: {base_url: https://a.example, api_key: key, zdr: true}
        """

    assert [rule.to for rule in config(text).routing] == ["b", "a"]


def test_a_missing_routing_adds_nothing_to_the_mistakes_of_the_upstreams() -> None:
    assert [line.partition(":")[0] for line in mistakes_of("upstreams: {}\n")] == ["upstreams"]
    assert [line.partition(":")[0] for line in mistakes_of("upstreams:\n")] == ["upstreams"]


def test_the_version_depends_on_the_text_and_not_on_secrets() -> None:
    text = complete("")
    one = parse(text, {"OPENROUTER_API_KEY": "one"})
    other = parse(text, {"OPENROUTER_API_KEY": "other"})

    assert one.version == other.version == hashlib.sha256(text.encode()).hexdigest()[:12]
    assert version_of(text + "# reviewed\n") != one.version


def test_a_configuration_is_immutable() -> None:
    loaded = config()

    with pytest.raises(ValueError, match="frozen"):
        loaded.server.drain_seconds = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        loaded.teams["other"] = loaded.teams["growth"]  # type: ignore[index]


SECRETS = ("key-canary-1", "hook-canary-long-enough", "db-canary", "sign-canary" * 4, "url-canary")


def file_with_secrets(**broken: str) -> str:
    """Return a file with secrets; `broken` replaces valid values with invalid ones."""
    valid = {
        "listen": "127.0.0.1:8080",
        "database": f"postgresql://u:{SECRETS[2]}@h/db",
        "signing": SECRETS[3],
        "key": SECRETS[0],
        "hook": SECRETS[1],
        "url": f"https://h.example/{SECRETS[4]}",
    }
    value = {**valid, **broken}
    return f"""\
server: {{listen: "{value["listen"]}"}}
database: {{url: "{value["database"]}"}}
signing_key: "{value["signing"]}"
upstreams:
  a:
    base_url: https://a.example
    api_key: "{value["key"]}"
    webhook_secrets: ["{value["hook"]}"]
teams: {{growth: {{}}}}
webhooks:
  - {{name: w, url: "{value["url"]}", secret: "{value["hook"]}"}}
"""


def test_no_repr_shows_a_secret() -> None:
    loaded = parse(file_with_secrets(), {})

    for shown in (repr(loaded), str(loaded), str(loaded.config), f"{loaded.config.upstreams}"):
        assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize(
    "broken",
    [
        {"listen": "x"},
        {"database": f"mysql://u:{SECRETS[2]}@h/db"},
        {"signing": "sign-canary"},
        {"key": SECRETS[0] + " x"},
        {"hook": SECRETS[1] + " "},
        {"url": f"ftp://h.example/{SECRETS[4]}"},
        {"url": SECRETS[4]},
    ],
)
def test_no_error_shows_a_secret(broken: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(file_with_secrets(**broken), {})

    shown = str(caught.value) + repr(caught.value) + repr(caught.value.mistakes)
    assert not [secret for secret in (*SECRETS[:3], "sign-canary", SECRETS[4]) if secret in shown]
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("path", ["server.listen", "budgets", "webhooks", "upstreams.a.base_url"])
def test_values_from_the_environment_are_hidden(path: str) -> None:
    section = {
        "server.listen": "server: {listen: '${CANARY}'}\n",
        "budgets": "budgets: [{period: '${CANARY}', limit_usd: '${CANARY}'}]\n",
        "webhooks": f"webhooks: [{{name: w, url: '${{CANARY}}', secret: {SECRET}}}]\n",
        "upstreams.a.base_url": "upstreams: {a: {base_url: '${CANARY}', api_key: k}}\n",
    }[path]

    text = "\n".join(mistakes_of(section, {**ENVIRON, "CANARY": "canary value"}))

    assert path in text
    assert "(hidden)" in text
    assert "canary" not in text


def test_a_thousand_teams_load_within_five_seconds() -> None:
    teams = "".join(
        f"  team{n}: {{keys: [{{name: ci, hash: 'sha256:{n:064x}'}}], "
        "budgets: [{period: day, limit_usd: 5.25}]}\n"
        for n in range(1, 1001)
    )
    started = time.perf_counter()
    loaded = config(f"teams:\n{teams}")

    assert len(loaded.teams) == 1000
    assert time.perf_counter() - started < 5  # measured: 0.3 s; a quadratic check would take longer


# Property tests: any text, and a valid file with one value replaced by anything.

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["${A}", "${", "${A:-b}", "$${A}", "day", "4s", "1.5", "*", "a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(alphabet=string.ascii_letters + "_-<${} ", max_size=8), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, {})


Position = tuple[str | int | None, ...]


def _positions(value: object, path: Position = ()) -> Iterator[Position]:
    yield path
    for key, item in _entries(value):
        yield from _positions(item, (*path, key))


def _with(value: object, position: Position, new: object) -> object:
    """Return a copy of the value in plain YAML types, with `new` at one position."""
    if position == ():
        return new
    copied = {
        key: _with(item, position[1:] if key == position[0] else (None,), new)
        for key, item in _entries(value)
    }
    if isinstance(value, dict | list):
        return copied if isinstance(value, dict) else list(copied.values())
    return str(value) if isinstance(value, str) else value


def _entries(value: object) -> Iterable[tuple[str | int, object]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


VALID = read_document(FULL.read_text()).values


@given(st.sampled_from(list(_positions(VALID))), ANYTHING, st.booleans())
@settings(max_examples=250, deadline=None)
def test_a_valid_file_with_one_value_replaced_loads_or_is_a_config_error(
    position: Position, new: object, flow: bool
) -> None:
    text = yaml.safe_dump(_with(VALID, position, new), default_flow_style=flow)

    try:
        parse(text, {**FULL_ENVIRON, "A": "from-the-environment"})
        message = ""
    except ConfigError as error:
        message = str(error)

    assert "from-the-environment" not in message
