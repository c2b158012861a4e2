from pathlib import Path

import pytest

from gateway.config.document import read_document
from gateway.config.expand import Expanded, expand

ENVIRON = {"NAME": "value", "EMPTY": "", "TRICK": "${NAME}$$", "_x9": "under"}


def expanded(text: str) -> Expanded:
    return expand(read_document(f"a: ['{text}']\n"), ENVIRON)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${NAME}", "value"),
        ("pre-${NAME}/${_x9}.post", "pre-value/under.post"),
        ("${EMPTY}", ""),
        ("${NOWHERE:-}", ""),
        ("${NOWHERE:-a:-b c}", "a:-b c"),
        ("${EMPTY:-default}", "default"),
        ("${NAME:-default}", "value"),
        ("$${NAME}", "${NAME}"),
        ("$${NAME", "${NAME"),
        ("pa$$word$", "pa$$word$"),
        ("$NAME", "$NAME"),
        ("{NAME}", "{NAME}"),
        ("${TRICK}", "${NAME}$$"),
    ],
)
def test_a_text_is_expanded_once(text: str, expected: str) -> None:
    result = expanded(text)

    assert result.values == {"a": [expected]}
    assert result.mistakes == ()


@pytest.mark.parametrize(
    "text", ["${", "${}", "${NAME", "${1X}", "${NA ME}", "${NAME-x}", "${NAME:?x}", "${A:-${B}}"]
)
def test_an_invalid_placeholder_is_a_mistake(text: str) -> None:
    result = expanded(text)

    assert [mistake.path for mistake in result.mistakes] == ["a[0]"]
    assert "invalid `${...}` placeholder" in str(result.mistakes[0])
    assert result.broken == {("a", 0)}


def test_every_missing_variable_is_a_mistake_with_its_path() -> None:
    document = read_document("a: {b: '${ONE}'}\nc:\n - x${TWO}${THREE}\n")

    mistakes = [str(mistake) for mistake in expand(document, {}).mistakes]

    assert mistakes == [
        "a.b: the environment variable ONE is not set (set it, or use ${ONE:-default})",
        "c[0]: the environment variable TWO is not set (set it, or use ${TWO:-default})",
        "c[0]: the environment variable THREE is not set (set it, or use ${THREE:-default})",
    ]


def test_origins_are_the_paths_with_variables() -> None:
    document = read_document("a: ${NAME}\nb: plain\nc: ${NOWHERE:-default}\nd: $${NAME}\n")

    assert set(expand(document, ENVIRON).origins) == {("a",), ("c",)}


def test_keys_numbers_and_flags_are_not_expanded() -> None:
    document = read_document("'${NAME}': 5\nb: true\nc: null\n")

    assert expand(document, ENVIRON).values == {"${NAME}": "5", "b": True, "c": None}


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret value\r\n")

    assert expanded(f"pre-${{file:{secret}}}").values["a"] == ["pre-s3cret value"]


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_holds_no_secret_is_a_mistake_with_its_name(
    tmp_path: Path, content: bytes | None
) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)

    (mistake,) = expanded(f"${{file:{secret}}}").mistakes

    assert str(secret) in str(mistake)
