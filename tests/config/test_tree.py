import pytest

from gateway.config.document import read_document
from gateway.config.mistakes import ConfigError
from gateway.config.tree import MAX_BYTES, MAX_DEPTH, Number


def values(text: str) -> dict[str, object]:
    return dict(read_document(text).values)


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_document(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "meant"),
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
def test_a_plain_word_is_text_unless_yaml_1_2_says_otherwise(written: str, meant: object) -> None:
    found = values(f"a: {written}")["a"]

    assert found == meant
    assert not isinstance(found, Number)


@pytest.mark.parametrize("digits", ["5", "-1", "5.00", "010", ".5", "1e3", "0.1234567890123456789"])
def test_a_number_keeps_its_digits(digits: str) -> None:
    found = values(f"a: {digits}")["a"]

    assert found == digits
    assert isinstance(found, Number)


def test_a_quoted_number_is_text() -> None:
    assert not isinstance(values("a: '5'")["a"], Number)


def test_a_variable_may_stand_unquoted_within_flow_lists_and_mappings() -> None:
    found = values("a: {x: ${A}, y: [${B:-c/d}, '${C}'], z: $${D}}\n# ${E}")

    assert found == {"a": {"x": "${A}", "y": ["${B:-c/d}", "${C}"], "z": "$${D}"}}


def test_aliases_and_merges_are_followed_and_what_is_written_wins() -> None:
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


def test_lines_are_those_of_the_keys_and_items() -> None:
    document = read_document("a:\n  b:\n    - 1\n    - c: 2\n")

    assert document.line(("a", "b")) == 2
    assert document.line(("a", "b", 1, "c")) == 4
    assert document.line(("a", "missing", "below")) == 1
    assert document.line(("nowhere",)) == 0


def test_repeated_keys_are_all_told_and_the_rest_is_still_read() -> None:
    document = read_document("a: 1\nb: {c: 1, c: 2}\na: 3\n")

    assert [str(mistake) for mistake in document.mistakes] == [
        "a: written twice, first on line 1",
        "b.c: written twice, first on line 2",
    ]
    assert [mistake.line for mistake in document.mistakes] == [3, 2]
    assert document.values["a"] == "1"


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "null\n", "---\n...\n"])
def test_an_empty_file_says_what_it_needs(text: str) -> None:
    assert complaint(text).endswith("the file is empty; it needs at least `upstreams` and `teams`")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: {b: 1\nc: 2\n", "2: not YAML at line 2, column 2"),
        ("a: 1\n b: 2\n", "2: not YAML at line 2, column 3"),
        ("a: @home\n", "1: not YAML at line 1, column 4"),
        ("a: 'open\n", "2: not YAML at line 2, column 1"),
        ("a:\n\t- b\n", "2: not YAML at line 2, column 1"),
        ("a: 1\n---\nb: 2\n", "2: one YAML document only; a second begins here"),
        ("[a, b]\n", "1: the file must be a mapping: `upstreams:`, `teams:` and so on"),
        ("word\n", "1: the file must be a mapping: `upstreams:`, `teams:` and so on"),
        ("a: {[b]: c}\n", "1: a key must be a word, not a list, a mapping or an alias"),
        ("a: 1\n<<: 5\n", "2: `<<` merges a mapping or a list of mappings"),
        ("a: \x00\n", "not YAML: the file holds a character that YAML does not allow"),
        ("a: \ud800\n", "the file is not valid Unicode text"),
        ("a: \ue000\n", "the file holds U+E000 or U+E001, which are for private use"),
        ("a: &x [*x]\n", "1: an unquoted value that begins with * refers to an anchor"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place(text: str, place: str) -> None:
    assert complaint(text).startswith(place)


@pytest.mark.parametrize(
    "secret", ["*canary", "!canary", "!<canary>", "@canary", "%canary", "!c!canary", '"\\qcanary"']
)
def test_an_unquoted_password_that_upsets_yaml_is_not_repeated(secret: str) -> None:
    assert "canary" not in complaint(f"api_key: {secret}\n")


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system [echo]", "!!set {a}", "!!int 5"])
def test_tags_make_nothing(tag: str) -> None:
    assert "is a YAML tag, which is not supported" in complaint(f"a: {tag}\n")


def test_a_bomb_of_aliases_is_refused_before_it_goes_off() -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    text = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *levels])

    assert "more than 100000 values, aliases counted" in complaint(text)


def test_a_chain_of_aliases_does_not_get_deeper_than_is_allowed() -> None:
    levels = [f"a{n}: &a{n} [[[[[[*a{n - 1}]]]]]]" for n in range(1, 200)]

    assert f"nested deeper than {MAX_DEPTH} levels" in complaint("\n".join(["a0: &a0 x", *levels]))


@pytest.mark.parametrize("text", ["[" * 400, "a: " + "{a: " * 400, "- " * 400])
def test_a_deep_file_is_refused_without_recursion(text: str) -> None:
    assert f"nested deeper than {MAX_DEPTH} levels" in complaint(text)


def test_a_huge_file_is_refused_unread() -> None:
    assert complaint("a: " + "x" * MAX_BYTES) == f"the file is larger than {MAX_BYTES} bytes"
