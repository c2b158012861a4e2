"""`${NAME}` and `${file:/path}` in a text: replaced from the environment, or from a file.

`${file:/run/secrets/name}` is the file's text without the line end; it is read anew at each reload,
so that a secret is rotated without a restart.

`${NAME}` must be set; `${NAME:-default}` takes the default where NAME is unset or empty, as a shell
does; `$${` is a literal `${`. Any other `$` is itself. What came from the environment is not
looked at again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from gateway.config.document import Document, Plain
from gateway.config.mistakes import Mistake, Path, path_text

_PLACE = re.compile(r"\$\$\{|\$\{(?P<inner>[^}]*)(?P<end>\}?)")
_INNER = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)
_FILE = "file:"
_MOST_BYTES = 65_536  # of a secret's file
_ALLOWED = "${NAME}, ${NAME:-default} or ${file:/path}, and $${ for a literal ${"


@dataclass(frozen=True, slots=True)
class Expanded:
    """Values with the environment filled in.

    `origins`: the variables that each value was made from (such a value is never shown).
    `broken`: where a variable was missing or misspelt; what stands there means nothing.
    """

    values: dict[str, Plain]
    origins: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    broken: frozenset[Path] = frozenset()
    mistakes: tuple[Mistake, ...] = ()


def expand(document: Document, environ: Mapping[str, str]) -> Expanded:
    """Fill in every text of the document; keys stay as they are. Raises nothing."""
    filler = _Filler(document, environ)
    values = {key: filler.fill(value, (key,)) for key, value in document.values.items()}
    broken = frozenset(filler.broken)
    return Expanded(values, filler.origins, broken, tuple(filler.mistakes))


class _Filler:
    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self.origins: dict[Path, tuple[str, ...]] = {}
        self.broken: set[Path] = set()
        self.mistakes: list[Mistake] = []

    def fill(self, value: Plain, path: Path) -> Plain:
        if isinstance(value, dict):
            return {key: self.fill(one, (*path, key)) for key, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one, (*path, position)) for position, one in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return _PLACE.sub(lambda match: self._replacement(match, path), value)
        return value

    def _replacement(self, match: re.Match[str], path: Path) -> str:
        if match["inner"] is None:
            return "${"
        if match["inner"].startswith(_FILE) and match["end"]:
            return self._of_file(match["inner"].removeprefix(_FILE), path)
        parts = _INNER.fullmatch(match["inner"])
        if parts is None or not match["end"] or "${" in match["inner"]:
            self._wrong(path, "a `${` that can't be read", allowed=_ALLOWED)
            return ""
        name, default = parts["name"], parts["default"]
        self.origins[path] = (*self.origins.get(path, ()), name)
        found = self._environ.get(name)
        if default is not None:
            return found or default
        if found is None:
            hint = f"set it, or write ${{{name}:-default}}"
            self._wrong(path, f"the environment variable {name} is not set", hint=hint)
        return found or ""

    def _of_file(self, name: str, path: Path) -> str:
        self.origins[path] = (*self.origins.get(path, ()), f"{_FILE}{name}")
        try:
            text = FilePath(name).read_bytes()[: _MOST_BYTES + 1].decode()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self._wrong(path, f"the file {name} can't be read: {why}", hint="write ${file:/path}")
            return ""
        if len(text) > _MOST_BYTES or not text.strip():
            self._wrong(path, f"the file {name} is empty, or larger than {_MOST_BYTES} bytes")
            return ""
        return text.rstrip("\r\n")

    def _wrong(self, path: Path, problem: str, *, allowed: str = "", hint: str = "") -> None:
        self.broken.add(path)
        line = self._document.line(path)
        where = path_text(path)
        self.mistakes.append(Mistake(where, problem, allowed=allowed, hint=hint, line=line))
