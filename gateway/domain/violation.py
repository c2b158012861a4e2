"""Violations: single faults of a request, as error responses list them."""

import json
from dataclasses import dataclass
from typing import Any

_SHOWN = 80

MOST_VIOLATIONS = 50
"""The most violations that a refusal lists; the gateway does not search for more."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault of a request, with enough detail to correct it."""

    field: str
    value: Any
    allowed: Any
    message: str
    nearest: Any = None


def shown(value: Any) -> str:
    """Return a value as short JSON for an error message, so that no prompt is repeated in full."""
    if isinstance(value, str) and len(value) > _SHOWN:
        return (
            f"{json.dumps(value[:_SHOWN], ensure_ascii=False)[:-1]}… ({len(value) + 2} characters)"
        )
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
