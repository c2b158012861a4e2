import pytest

from gateway.config.document import read_document
from gateway.config.mistakes import ConfigError
from gateway.config.yaml_tree import MAX_BYTES, MAX_DEPTH, Number


def values(text: str) -> dict[str, object]:
    return dict(read_document(text).values)


def error_of(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_document(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("on", "on"),
        ("NO", "NO"),
        ("12:30:45", "12:30:45"),
        ("2026-11-22", "2026-11-22"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("'true'", "true"),
        ('"~"', "~"),
        ("!!str true", "true"),
        (".inf", ".inf"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, expected: object) -> None:
    found = values(f"a: {text}")["a"]

    assert found == expected
    assert not isinstance(found, Number)


@pytest.mark.parametrize("digits", ["5", "-1", "5.00", "010", ".5", "1e3", "0.1234567890123456789"])
def test_a_number_keeps_its_digits(digits: str) -> None:
    found = values(f"a: {digits}")["a"]

    assert found == digits
    assert isinstance(found, Number)


def test_a_quoted_number_is_text() -> None:
    assert not isinstance(values("a: '5'")["a"], Number)


def test_a_variable_needs_no_quotes_in_flow_lists_and_mappings() -> None:
    found = values("a: {x: ${A}, y: [${B:-c/d}, '${C}'], z: $${D}}\n# ${E}")

    assert found == {"a": {"x": "${A}", "y": ["${B:-c/d}", "${C}"], "z": "$${D}"}}


def test_aliases_and_merges_are_expanded_and_own_keys_take_precedence() -> None:
    text = """\
base: &base {zdr: require, retain: false}
more: &more {retain: true, keys: []}
one: {<<: *base, retain: true}
two: {<<: [*base, *more]}
three: *base
"""
    found = values(text)

    assert found["one"] == {"zdr": "require", "retain": True}
    assert found["two"] == {"zdr": "require", "retain": False, "keys": []}
    assert found["three"] == {"zdr": "require", "retain": False}


def test_lines_are_the_lines_of_keys_and_items() -> None:
    document = read_document("a:\n  b:\n    - 1\n    - c: 2\n")

    assert document.line(("a", "b")) == 2
    assert document.line(("a", "b", 1, "c")) == 4
    assert document.line(("a", "missing", "below")) == 1
    assert document.line(("nowhere",)) == 0


def test_every_duplicate_key_is_a_mistake_and_parsing_continues() -> None:
    document = read_document("a: 1\nb: {c: 1, c: 2}\na: 3\n")

    assert [str(mistake) for mistake in document.mistakes] == [
        "a: duplicate key, first on line 1",
        "b.c: duplicate key, first on line 2",
    ]
    assert [mistake.line for mistake in document.mistakes] == [3, 2]
    assert document.values["a"] == "1"


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "null\n", "---\n...\n"])
def test_an_empty_file_is_an_error(text: str) -> None:
    assert error_of(text).endswith(
        "the file is empty; it must contain at least `upstreams` and `teams`"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {b: 1\nc: 2\n", "2: invalid YAML at line 2, column 2"),
        ("a: 1\n b: 2\n", "2: invalid YAML at line 2, column 3"),
        ("a: @home\n", "1: invalid YAML at line 1, column 4"),
        ("a: 'open\n", "2: invalid YAML at line 2, column 1"),
        ("a:\n\t- b\n", "2: invalid YAML at line 2, column 1"),
        ("a: 1\n---\nb: 2\n", "2: only one YAML document is allowed; a second one begins here"),
        ("[a, b]\n", "1: the file must be a mapping: `upstreams:`, `teams:` and so on"),
        ("word\n", "1: the file must be a mapping: `upstreams:`, `teams:` and so on"),
        ("a: {[b]: c}\n", "1: a key must be plain text, not a list, a mapping or an alias"),
        ("a: 1\n<<: 5\n", "2: `<<` needs a mapping or a list of mappings"),
        ("a: \x00\n", "invalid YAML: the file contains a character that YAML does not allow"),
        ("a: \ud800\n", "the file is not valid Unicode text"),
        ("a: \ue000\n", "the file contains U+E000 or U+E001, which the gateway uses internally"),
        ("a: &x [*x]\n", "1: an unquoted value that begins with * is a YAML alias"),
    ],
)
def test_invalid_yaml_is_an_error_with_its_position(text: str, message: str) -> None:
    assert error_of(text).startswith(message)


@pytest.mark.parametrize(
    "secret", ["*canary", "!canary", "!<canary>", "@canary", "%canary", "!c!canary", '"\\qcanary"']
)
def test_an_error_does_not_contain_an_unquoted_password(secret: str) -> None:
    assert "canary" not in error_of(f"api_key: {secret}\n")


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system [echo]", "!!set {a}", "!!int 5"])
def test_tags_are_rejected(tag: str) -> None:
    assert "is a YAML tag, which is not supported" in error_of(f"a: {tag}\n")


def test_an_alias_bomb_is_rejected() -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    text = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *levels])

    assert "more than 100000 values with aliases expanded" in error_of(text)


def test_the_depth_limit_applies_to_expanded_aliases() -> None:
    levels = [f"a{n}: &a{n} [[[[[[*a{n - 1}]]]]]]" for n in range(1, 200)]

    assert f"nested more than {MAX_DEPTH} levels deep" in error_of(
        "\n".join(["a0: &a0 x", *levels])
    )


@pytest.mark.parametrize("text", ["[" * 400, "a: " + "{a: " * 400, "- " * 400])
def test_a_deep_file_is_rejected_without_recursion(text: str) -> None:
    assert f"nested more than {MAX_DEPTH} levels deep" in error_of(text)


def test_a_huge_file_is_rejected() -> None:
    assert error_of("a: " + "x" * MAX_BYTES) == f"the file is larger than {MAX_BYTES} bytes"
