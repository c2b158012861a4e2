"""The demo's output: plain lines; colour and a progress bar only on a terminal."""

import textwrap
from collections.abc import Iterable
from typing import TextIO

_WIDTH = 96
_INDENT = "   "
_BAR = 24

_BOLD, _DIM, _GREEN, _RED, _OFF = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[0m"


class Terminal:
    """Prints titles, scenes, facts and check results."""

    def __init__(self, out: TextIO, *, colour: bool) -> None:
        """`colour`: use ANSI colours and redraw the progress line."""
        self._out = out
        self._colour = colour
        self._scenes = 0
        self._last = ""

    def title(self, text: str) -> None:
        """Print the title of a section."""
        self._line(self._styled(_BOLD, text))

    def scene(self, text: str) -> None:
        """Print the numbered title of the next scene."""
        self._scenes += 1
        self._line("")
        self._line(self._styled(_BOLD, f"{self._scenes}. {text}"))

    def say(self, text: str) -> None:
        """Print a sentence, wrapped."""
        for line in textwrap.wrap(text, _WIDTH - len(_INDENT), break_on_hyphens=False):
            self._line(f"{_INDENT}{line}")

    def fact(self, name: str, value: object) -> None:
        """Print a name and a value in two columns; a long value wraps in its column."""
        head = f"{_INDENT}{name:<12} "
        lines = textwrap.wrap(
            str(value), _WIDTH - len(head), break_long_words=False, break_on_hyphens=False
        ) or [""]
        self._line(f"{self._styled(_DIM, head)}{lines[0]}")
        for line in lines[1:]:
            self._line(f"{' ' * len(head)}{line}")

    def passed(self, text: str) -> None:
        """Print a check that passed."""
        mark = self._styled(_GREEN, "ok")
        first, *rest = textwrap.wrap(text, _WIDTH - 6, break_on_hyphens=False)
        self._line(f"{_INDENT}{mark} {first}")
        for line in rest:
            self._line(f"{_INDENT}   {line}")

    def failed(self, text: str) -> None:
        """Print what failed."""
        self._line("")
        self._line(f"{self._styled(_RED, 'FAILED')} {text}")

    def code(self, lines: Iterable[str]) -> None:
        """Print lines to copy, without wrapping."""
        for line in lines:
            self._line(f"{_INDENT}{line}")

    def progress(self, seconds: float, expected: float, status: str) -> None:
        """Show the elapsed time: a bar on a terminal, otherwise one line per change of status."""
        if not self._colour:
            if status != self._last:
                self._line(f"{_INDENT}{seconds:4.1f} s  {status}")
                self._last = status
            return
        full = min(_BAR, int(_BAR * seconds / expected))
        bar = "#" * full + "." * (_BAR - full)
        self._out.write(f"\r{_INDENT}[{bar}] {seconds:4.1f} s  {status:<12}")
        self._out.flush()

    def progress_done(self) -> None:
        """End the progress display."""
        self._last = ""
        if self._colour:
            self._line("")

    def blank(self) -> None:
        """Print an empty line."""
        self._line("")

    def _line(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def _styled(self, style: str, text: str) -> str:
        return f"{style}{text}{_OFF}" if self._colour else text
