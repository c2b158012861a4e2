"""Draw scenes of the demo's output as an SVG terminal picture.

    video-gateway demo | python docs/images/terminal.py 2 3 8 > docs/images/demo.svg

The arguments are the numbers of the scenes to draw. Nothing but the choice of scenes changes the
text, so the picture shows what `make demo` prints.
"""

import re
import sys
from html import escape
from typing import Final

COLUMNS: Final = 96  # the demo wraps its text at this width
CHARACTER: Final = 7.8  # pixels; 13 px monospace fonts are 7.8 px wide
LINE: Final = 18  # pixels
MARGIN: Final = 20  # pixels
BAR: Final = 28  # pixels, the window's title bar
FONT: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"

COLOURS: Final = {
    "command": "#9cdcfe",
    "scene": "#ffffff",
    "ok": "#7ee787",
    "refused": "#ff9d8a",
    "text": "#c9d1d9",
}


def scenes(output: str) -> dict[int, list[str]]:
    """Split the demo's output into its numbered scenes."""
    parts = re.split(r"^(?=\d+\. )", output, flags=re.MULTILINE)[1:]
    return {int(part.split(".", 1)[0]): part.split("\n\n")[0].splitlines() for part in parts}


def colour(line: str) -> str:
    """Choose a line's colour from how the line begins."""
    if line.startswith("$ "):
        return COLOURS["command"]
    if re.match(r"\d+\. ", line):
        return COLOURS["scene"]
    if line.startswith("   ok "):
        return COLOURS["ok"]
    if re.match(r" {3}(the SDK|message|reason) ", line):
        return COLOURS["refused"]
    return COLOURS["text"]


def picture(lines: list[str]) -> str:
    """Render the lines as an SVG document."""
    width = round(COLUMNS * CHARACTER) + 2 * MARGIN
    height = BAR + len(lines) * LINE + MARGIN + LINE // 2
    rows = [
        f'<text x="{MARGIN}" y="{BAR + (number + 1) * LINE}" fill="{colour(line)}">'
        f"{escape(line)}</text>"
        for number, line in enumerate(lines)
        if line
    ]
    dots = [
        f'<circle cx="{MARGIN + number * 18}" cy="15" r="5" fill="{fill}"/>'
        for number, fill in enumerate(("#ff5f56", "#ffbd2e", "#27c93f"))
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            "<title>Output of make demo</title>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
            *dots,
            f'<g font-family="{FONT}" font-size="13" xml:space="preserve">',
            *rows,
            "</g>",
            "</svg>",
            "",
        ]
    )


def main() -> None:
    """Read the demo's output and write the picture."""
    found = scenes(sys.stdin.read())
    lines = ["$ make demo"]
    for number in (int(word) for word in sys.argv[1:]):
        lines += ["", *found[number]]
    sys.stdout.write(picture(lines))


if __name__ == "__main__":
    main()
