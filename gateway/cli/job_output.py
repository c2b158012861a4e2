"""Prints the job report of `video-gateway jobs show`."""

import json
from typing import Any

from gateway.cli.times import format_seconds


def print_job(document: dict[str, Any]) -> None:
    """Print the job's own fields, then one section for each kind of record."""
    for name, value in document.items():
        if isinstance(value, str | int | bool):
            text = format_seconds(int(value)) if name.endswith(("_at", "_since")) else value
            print(f"{name:16} {text}")
    decision = document["decision"]
    print("\ndecision")
    for name in ("parameters", "zdr", "outcome"):
        if decision.get(name):
            print(f"  {name:14} {_line(decision[name])}")
    for rule in decision.get("rules", []):
        print(f"  {_line(rule)}")
    for estimate in decision.get("estimate", {}).get("lines", []):
        print(f"  {'estimate':14} {estimate}")
    for title in ("attempts", "ledger", "deliveries"):
        _section(title, document[title])
    content = document["content"]
    for title in ("stored", "removed"):
        _section(f"content {title}", content[title])
    for index in content["to_archive"]:
        print(f"\ncontent: index {index} is not archived yet")
    if content.get("withdrawn"):
        print(f"\ncontent withdrawn: {_line(content['withdrawn'])}")
    elif content["gone"]:
        print("\ncontent: not stored here and deleted at the upstream")


def _section(title: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        print(f"\n{title}")
        for row in rows:
            print(f"  {_line(row)}")


def _line(value: Any) -> str:
    """Format a mapping as `name value` pairs, without empty values."""
    if not isinstance(value, dict):
        return str(value)
    return "  ".join(
        f"{name} {format_seconds(item) if name == 'at' or name.endswith('_at') else _text(item)}"
        for name, item in value.items()
        if item not in (None, [], {})
    )


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
