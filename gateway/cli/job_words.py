"""A job's document, as `video-gateway jobs show` writes it for a person."""

import json
from datetime import UTC, datetime
from typing import Any


def print_job(document: dict[str, Any]) -> None:
    """Facts first, then one paragraph for each kind of record."""
    for name, value in document.items():
        if isinstance(value, str | int | bool):
            print(f"{name:16} {moment(value) if name.endswith(('_at', '_since')) else value}")
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
        _paragraph(title, document[title])
    content = document["content"]
    for title in ("stored", "removed"):
        _paragraph(f"content {title}", content[title])
    for index in content["to_archive"]:
        print(f"\ncontent: index {index} is still to be fetched for the archive")
    if content.get("withdrawn"):
        print(f"\ncontent withdrawn: {_line(content['withdrawn'])}")
    elif content["gone"]:
        print("\ncontent: the upstream no longer has it, and it is not stored")


def _paragraph(title: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        print(f"\n{title}")
        for row in rows:
            print(f"  {_line(row)}")


def _line(value: Any) -> str:
    """A mapping as `name value` pairs, times as people write them."""
    if not isinstance(value, dict):
        return str(value)
    return "  ".join(
        f"{name} {moment(one) if name == 'at' or name.endswith('_at') else _plain(one)}"
        for name, one in value.items()
        if one not in (None, [], {})
    )


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def moment(seconds: Any) -> str:
    """Unix seconds as people write them, UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M")
