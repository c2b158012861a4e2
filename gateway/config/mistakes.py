"""What is wrong with a configuration: where, what was seen, what is allowed. Never a secret."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.domain.errors import GatewayError

Path = tuple[str | int, ...]
"""The way to a value: keys and list positions, `("teams", "growth", "budgets", 0, "period")`."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 80  # characters of a key or value that a message repeats


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake, in words for the person who wrote the file; each part may be empty.

    `problem` says what is wrong where that is not just the value; `seen` is ready to print (quoted,
    or `(hidden)`); `line` counts from 1, 0 where no line can be named.
    """

    path: str
    problem: str = ""
    seen: str = ""
    allowed: str = ""
    hint: str = ""
    line: int = 0

    def __str__(self) -> str:
        """`path: problem; saw X; allowed: Y (did you mean Z?)`."""
        parts = [
            self.problem,
            f"saw {self.seen}" if self.seen else "",
            f"allowed: {self.allowed}" if self.allowed else "",
        ]
        words = "; ".join(filter(None, parts)) + (f" ({self.hint})" if self.hint else "")
        return f"{self.path}: {words}" if self.path else words


class ConfigError(GatewayError):
    """The configuration can't be used. Carries every mistake found; holds no value of the file."""

    def __init__(self, mistakes: Sequence[Mistake], name: str = "") -> None:
        """`name`: the file's, as the operator gave it; may be empty."""
        self.mistakes = tuple(mistakes)
        self.name = name
        super().__init__("\n".join(self.lines()))

    def lines(self) -> Iterable[str]:
        """One line per mistake, led by `file:line` where known."""
        for mistake in self.mistakes:
            place = ":".join(filter(None, (self.name, str(mistake.line or ""))))
            yield f"{place}: {mistake}" if place else str(mistake)


def path_text(path: Path) -> str:
    """`teams.growth.budgets[0].period`; a key that is no plain word stands in brackets."""
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
    """The text in double quotes, on one line, printable, cut where it is long."""
    cut = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    clean = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in cut)
    return f'"{clean}"'


def near(word: str, words: Iterable[str]) -> str:
    """`did you mean "teams"?` where one of the words is close, else nothing."""
    matches = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f"did you mean {quoted(matches[0])}?" if matches else ""
