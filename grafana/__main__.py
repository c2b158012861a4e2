"""Write every dashboard as JSON. The files are committed; a test checks that they are current."""

import sys
from pathlib import Path

from grafana import jobs, overview, teams, webhooks
from grafana.board import Board

FOLDER = Path(__file__).parent / "dashboards"


def boards() -> list[Board]:
    """Return every dashboard, the most important first."""
    return [overview.board(), teams.board(), jobs.board(), webhooks.board()]


def main() -> None:
    """Write all dashboards."""
    for board in boards():
        path = FOLDER / f"{board.name}.json"
        path.write_text(board.json())
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
