"""Where the configuration comes from: which file, and the environment; read only here."""

import os
from collections.abc import Mapping
from pathlib import Path

from gateway.config.mistakes import ConfigError, Mistake
from gateway.config.tree import MAX_BYTES

VARIABLE = "VIDEO_GATEWAY_CONFIG"
DEFAULT = Path("config/gateway.yaml")


def environment() -> Mapping[str, str]:
    """The process's environment as it is now, copied."""
    return dict(os.environ)


def choose(given: Path | None, environ: Mapping[str, str]) -> Path:
    """The file to read: the one given, else VIDEO_GATEWAY_CONFIG's, else `config/gateway.yaml`."""
    if given is not None:
        return given
    named = environ.get(VARIABLE, "")
    return Path(named) if named else DEFAULT


def read_file(path: Path) -> str:
    """The file's text.

    Raises:
        ConfigError: it is missing, no file, unreadable, too large, or not UTF-8.

    """
    try:
        data = _read_bytes(path)
        if len(data) <= MAX_BYTES:
            return data.decode("utf-8-sig")
        words = f"is larger than {MAX_BYTES} bytes"
    except FileNotFoundError:
        words = f"there is no such file; name one with --config or {VARIABLE}"
    except IsADirectoryError:
        words = "is a folder; name a file in it"
    except PermissionError:
        words = "can't be read: permission denied"
    except UnicodeDecodeError:
        words = "is not UTF-8 text"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        words = f"can't be read: {reason or 'the name is not a path'}"
    raise ConfigError([Mistake("", words)], str(path))


def _read_bytes(path: Path) -> bytes:
    """At most one byte more than is allowed, so that a device or a wrong file can't fill memory."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
