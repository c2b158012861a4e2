"""Mistakes in a configuration: place, value and what is allowed, without secrets."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.domain.errors import GatewayError

Path = tuple[str | int, ...]
"""Keys and list positions down to a value, `("teams", "growth", "budgets", 0, "period")`."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MAX_QUOTED = 80  # characters of a key or value in a message


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake, described for the author of the file; each field may be empty.

    `problem` says what is wrong, unless `seen` and `allowed` do; `seen` is the value ready to print
    (quoted, or `(hidden)`); `line` counts from 1 and is 0 if unknown.
    """

    path: str
    problem: str = ""
    seen: str = ""
    allowed: str = ""
    hint: str = ""
    line: int = 0

    def __str__(self) -> str:
        """Format as `path: problem; saw X; allowed: Y (did you mean Z?)`."""
        parts = [
            self.problem,
            f"saw {self.seen}" if self.seen else "",
            f"allowed: {self.allowed}" if self.allowed else "",
        ]
        text = "; ".join(filter(None, parts)) + (f" ({self.hint})" if self.hint else "")
        return f"{self.path}: {text}" if self.path else text


class ConfigError(GatewayError):
    """The configuration is invalid. Lists every mistake and contains no secret."""

    def __init__(self, mistakes: Sequence[Mistake], name: str = "") -> None:
        """`name`: the file name as the operator gave it; may be empty."""
        self.mistakes = tuple(mistakes)
        self.name = name
        super().__init__("\n".join(self.lines()))

    def lines(self) -> Iterable[str]:
        """Return one line per mistake, starting with `file:line` where known."""
        for mistake in self.mistakes:
            place = ":".join(filter(None, (self.name, str(mistake.line or ""))))
            yield f"{place}: {mistake}" if place else str(mistake)


def path_text(path: Path) -> str:
    """Format as `teams.growth.budgets[0].period`; other than plain keys are quoted in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{quoted(part)}]"
    return text


def quoted(text: str) -> str:
    """Quote the text on one line, escape unprintable characters and shorten it."""
    cut = text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "…"
    clean = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in cut)
    return f'"{clean}"'


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return `did you mean "teams"?` if one of the names is similar, else an empty string."""
    matches = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"did you mean {quoted(matches[0])}?" if matches else ""
