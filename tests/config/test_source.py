from pathlib import Path

import pytest

from gateway.config.mistakes import ConfigError
from gateway.config.source import choose, environment, read_file
from gateway.config.tree import MAX_BYTES


def complaint(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_the_file_given_wins_then_the_variable_then_the_default() -> None:
    environ = {"VIDEO_GATEWAY_CONFIG": "/etc/gateway.yaml"}

    assert choose(Path("mine.yaml"), environ) == Path("mine.yaml")
    assert choose(None, environ) == Path("/etc/gateway.yaml")
    assert choose(None, {"VIDEO_GATEWAY_CONFIG": ""}) == Path("config/gateway.yaml")
    assert choose(None, {}) == Path("config/gateway.yaml")


def test_the_environment_is_a_copy_of_the_present_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEO_GATEWAY_TEST", "before")
    taken = environment()
    monkeypatch.setenv("VIDEO_GATEWAY_TEST", "after")

    assert taken["VIDEO_GATEWAY_TEST"] == "before"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\n")

    assert read_file(file) == "a: é\n"


def test_a_file_that_can_not_be_used_is_told_in_plain_words(tmp_path: Path) -> None:
    latin, huge = tmp_path / "latin.yaml", tmp_path / "huge.yaml"
    latin.write_bytes(b"a: \xe9\n")
    huge.write_bytes("é".encode() * MAX_BYTES)

    missing = "there is no such file; name one with --config or VIDEO_GATEWAY_CONFIG"
    assert complaint(tmp_path / "none.yaml") == missing
    assert complaint(tmp_path) == "is a folder; name a file in it"
    assert complaint(latin) == "is not UTF-8 text"
    assert complaint(huge) == f"is larger than {MAX_BYTES} bytes"
    assert complaint(latin / "below") == "can't be read: Not a directory"
    assert complaint(Path("a\0b")) == "can't be read: the name is not a path"


def test_a_file_that_may_not_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the refusal is the operating system's word put in place."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)

    assert complaint(tmp_path / "c.yaml") == "can't be read: permission denied"
