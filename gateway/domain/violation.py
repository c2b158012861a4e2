"""One thing that is wrong with a request, as an error shows it."""

import json
from dataclasses import dataclass
from typing import Any

_SHOWN = 80

MOST_VIOLATIONS = 50
"""A refusal lists so many; what follows is not looked for."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a request, in enough detail to correct it without asking."""

    field: str
    value: Any
    allowed: Any
    message: str
    nearest: Any = None


def shown(value: Any) -> str:
    """Return a value as an error may show it: JSON, short, so that no prompt is repeated whole."""
    if isinstance(value, str) and len(value) > _SHOWN:
        return (
            f"{json.dumps(value[:_SHOWN], ensure_ascii=False)[:-1]}… ({len(value) + 2} characters)"
        )
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
