"""Writes every dashboard as JSON; what it wrote is committed, and a test says it is current."""

import sys
from pathlib import Path

from grafana import jobs, overview, teams, webhooks
from grafana.board import Board

FOLDER = Path(__file__).parent / "dashboards"


def boards() -> list[Board]:
    """Every dashboard, in the order in which a person meets them."""
    return [overview.board(), teams.board(), jobs.board(), webhooks.board()]


def main() -> None:
    """Write them all."""
    for board in boards():
        path = FOLDER / f"{board.name}.json"
        path.write_text(board.json())
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
