from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config.mistakes import ConfigError
from gateway.config.source import choose, environment, read_file
from gateway.config.yaml_tree import MAX_BYTES


def error_of(path: Path, read: Callable[[Path], bytes] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        read_file(path, read)
    return str(caught.value).removeprefix(f"{path}: ")


def test_the_path_is_the_one_given_then_the_variable_then_the_default() -> None:
    environ = {"VIDEO_GATEWAY_CONFIG": "/etc/gateway.yaml"}

    assert choose(Path("mine.yaml"), environ) == Path("mine.yaml")
    assert choose(None, environ) == Path("/etc/gateway.yaml")
    assert choose(None, {"VIDEO_GATEWAY_CONFIG": ""}) == Path("config/gateway.yaml")
    assert choose(None, {}) == Path("config/gateway.yaml")


def test_the_environment_is_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEO_GATEWAY_TEST", "before")
    copied = environment()
    monkeypatch.setenv("VIDEO_GATEWAY_TEST", "after")

    assert copied["VIDEO_GATEWAY_TEST"] == "before"


def test_a_byte_order_mark_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\n")

    assert read_file(file) == "a: é\n"


def test_an_unusable_file_is_an_error(tmp_path: Path) -> None:
    latin, huge = tmp_path / "latin.yaml", tmp_path / "huge.yaml"
    latin.write_bytes(b"a: \xe9\n")
    huge.write_bytes("é".encode() * MAX_BYTES)

    missing = "file not found; set the path with --config or VIDEO_GATEWAY_CONFIG"
    assert error_of(tmp_path / "none.yaml") == missing
    assert error_of(tmp_path) == "is a folder, not a file"
    assert error_of(latin) == "the file is not UTF-8 text"
    assert error_of(huge) == f"the file is larger than {MAX_BYTES} bytes"
    assert error_of(latin / "below") == "can't read the file: Not a directory"
    assert error_of(Path("a\0b")) == "can't read the file: invalid path"


def test_a_file_without_read_permission_is_an_error(tmp_path: Path) -> None:
    """Root may read every file, so the test raises the operating system's error itself."""

    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    assert error_of(tmp_path / "c.yaml", denied) == "can't read the file: permission denied"
