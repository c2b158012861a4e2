"""Replaces `${NAME}` and `${file:/path}` in texts of the file.

`${file:/run/secrets/name}` is the content of that file without the line end. It is read again at
each reload, so that a secret can be rotated without a restart.

`${NAME}` must be set. As in a shell, `${NAME:-default}` is the default if NAME is unset or empty.
`$${` is a literal `${`; any other `$` stays. The value of a variable is not expanded again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from gateway.config.document import Document, Plain
from gateway.config.mistakes import Mistake, Path, path_text

_PLACEHOLDER = re.compile(r"\$\$\{|\$\{(?P<inner>[^}]*)(?P<end>\}?)")
_INNER = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)
_FILE = "file:"
_MOST_BYTES = 65_536  # of a secret's file
_ALLOWED = "${NAME}, ${NAME:-default} or ${file:/path}, and $${ for a literal ${"


@dataclass(frozen=True, slots=True)
class Expanded:
    """Values with placeholders replaced.

    `origins`: the variables used in each value (messages never show such a value).
    `broken`: paths with a missing variable or an invalid placeholder; their values are meaningless.
    """

    values: dict[str, Plain]
    origins: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    broken: frozenset[Path] = frozenset()
    mistakes: tuple[Mistake, ...] = ()


def expand(document: Document, environ: Mapping[str, str]) -> Expanded:
    """Expand every text of the document, but no keys. Never raises."""
    expander = _Expander(document, environ)
    values = {key: expander.expand(value, (key,)) for key, value in document.values.items()}
    broken = frozenset(expander.broken)
    return Expanded(values, expander.origins, broken, tuple(expander.mistakes))


class _Expander:
    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self.origins: dict[Path, tuple[str, ...]] = {}
        self.broken: set[Path] = set()
        self.mistakes: list[Mistake] = []

    def expand(self, value: Plain, path: Path) -> Plain:
        if isinstance(value, dict):
            return {key: self.expand(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.expand(item, (*path, position)) for position, item in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return _PLACEHOLDER.sub(lambda match: self._replacement(match, path), value)
        return value

    def _replacement(self, match: re.Match[str], path: Path) -> str:
        if match["inner"] is None:
            return "${"
        if match["inner"].startswith(_FILE) and match["end"]:
            return self._of_file(match["inner"].removeprefix(_FILE), path)
        parts = _INNER.fullmatch(match["inner"])
        if parts is None or not match["end"] or "${" in match["inner"]:
            self._add_mistake(path, "invalid `${...}` placeholder", allowed=_ALLOWED)
            return ""
        name, default = parts["name"], parts["default"]
        self.origins[path] = (*self.origins.get(path, ()), name)
        found = self._environ.get(name)
        if default is not None:
            return found or default
        if found is None:
            hint = f"set it, or use ${{{name}:-default}}"
            self._add_mistake(path, f"the environment variable {name} is not set", hint=hint)
        return found or ""

    def _of_file(self, name: str, path: Path) -> str:
        self.origins[path] = (*self.origins.get(path, ()), f"{_FILE}{name}")
        try:
            text = FilePath(name).read_bytes()[: _MOST_BYTES + 1].decode()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self._add_mistake(
                path, f"the file {name} can't be read: {why}", hint="write ${file:/path}"
            )
            return ""
        if len(text) > _MOST_BYTES or not text.strip():
            self._add_mistake(path, f"the file {name} is empty, or larger than {_MOST_BYTES} bytes")
            return ""
        return text.rstrip("\r\n")

    def _add_mistake(self, path: Path, problem: str, *, allowed: str = "", hint: str = "") -> None:
        self.broken.add(path)
        line = self._document.line(path)
        name = path_text(path)
        self.mistakes.append(Mistake(name, problem, allowed=allowed, hint=hint, line=line))
