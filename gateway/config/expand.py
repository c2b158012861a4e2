"""`${NAME}` in a text: replaced from the environment it is given.

`${NAME}` must be set; `${NAME:-default}` takes the default where NAME is unset or empty, as a shell
does; `$${` is a literal `${`. Any other `$` is itself. What came from the environment is not
looked at again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.config.document import Document, Plain
from gateway.config.mistakes import Mistake, Path, path_text

_PLACE = re.compile(r"\$\$\{|\$\{(?P<inner>[^}]*)(?P<end>\}?)")
_INNER = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)
_ALLOWED = "${NAME} or ${NAME:-default}, and $${ for a literal ${"


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

    def _wrong(self, path: Path, problem: str, *, allowed: str = "", hint: str = "") -> None:
        self.broken.add(path)
        line = self._document.line(path)
        where = path_text(path)
        self.mistakes.append(Mistake(where, problem, allowed=allowed, hint=hint, line=line))
