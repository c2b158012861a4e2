"""Serialise JSON with a size limit, for records of client input."""

from collections.abc import Mapping
from typing import Any

import orjson

_STEPS = ((500, 50), (100, 10), (40, 3), (20, 1))
"""Kept characters of a string and members of an object or list; each step keeps fewer."""


def bounded_json(value: Mapping[str, Any], most: int) -> str:
    """Return the object as JSON of at most `most` bytes; long strings and lists are shortened.

    `most` must leave room for the object's own members, shortened to 20 characters each.
    """
    text = orjson.dumps(value, default=str)
    for characters, members in _STEPS:
        if len(text) <= most:
            break
        short = {name: _short(member, characters, members) for name, member in value.items()}
        text = orjson.dumps({**short, "shortened": True}, default=str)
    return text.decode()


def _short(value: Any, characters: int, members: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= characters else f"{value[:characters]}…"
    if isinstance(value, Mapping):
        kept = list(value.items())[:members]
        return {
            _short(str(name), characters, members): _short(member, characters, members)
            for name, member in kept
        }
    if isinstance(value, list | tuple):
        return [_short(item, characters, members) for item in value[:members]]
    return value
