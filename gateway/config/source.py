"""Reads the configuration file and the environment; no other module reads the environment."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.config.mistakes import ConfigError, Mistake
from gateway.config.yaml_tree import MAX_BYTES

VARIABLE = "VIDEO_GATEWAY_CONFIG"
DEFAULT = Path("config/gateway.yaml")


def environment() -> Mapping[str, str]:
    """Return a copy of the process's current environment."""
    return dict(os.environ)


def choose(given: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the path given, else VIDEO_GATEWAY_CONFIG, else `config/gateway.yaml`."""
    if given is not None:
        return given
    path = environ.get(VARIABLE, "")
    return Path(path) if path else DEFAULT


def read_file(path: Path, read: Callable[[Path], bytes] | None = None) -> str:
    """Read the text of the file; `read` returns its bytes.

    Raises:
        ConfigError: the file is missing, not a file, unreadable, too large or not UTF-8.

    """
    try:
        data = (read or _read_bytes)(path)
        if len(data) <= MAX_BYTES:
            return data.decode("utf-8-sig")
        problem = f"the file is larger than {MAX_BYTES} bytes"
    except FileNotFoundError:
        problem = f"file not found; set the path with --config or {VARIABLE}"
    except IsADirectoryError:
        problem = "is a folder, not a file"
    except PermissionError:
        problem = "can't read the file: permission denied"
    except UnicodeDecodeError:
        problem = "the file is not UTF-8 text"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        problem = f"can't read the file: {reason or 'invalid path'}"
    raise ConfigError([Mistake("", problem)], str(path))


def _read_bytes(path: Path) -> bytes:
    """Read at most one byte more than allowed, so that a device can't fill the memory."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
