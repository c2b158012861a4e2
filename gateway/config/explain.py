"""Translates pydantic's errors into problems of the configuration file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gateway.config.known_fields import known_keys
from gateway.config.mistakes import Path, suggestion


@dataclass(frozen=True, slots=True)
class Finding:
    """One invalid value. `value` is raw and may be a secret: redact it before it is shown."""

    path: Path
    value: object
    problem: str = ""
    allowed: str = ""
    hint: str = ""
    shows_value: bool = True


_TYPES: Mapping[str, str] = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "list_type": "a list ([] for none)",
    "tuple_type": "a list ([] for none)",
}


def findings(error: ValidationError) -> list[Finding]:
    """Return one finding per pydantic error, in the same order."""
    return [_finding(dict(item)) for item in error.errors(include_url=False)]


def _finding(error: Mapping[str, Any]) -> Finding:
    path: Path = error["loc"]
    kind, value = error["type"], error["input"]
    if kind == "missing":
        return Finding(path, None, "required key is missing", shows_value=False)
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "config" and path[-1] == "[key]":  # pydantic's marker for the key of a mapping
        return Finding(path[:-1], None, allowed=_allowed(error), shows_value=False)
    return Finding(path, value, allowed=_allowed(error))


def _unknown_key(path: Path) -> Finding:
    """The finding omits the value: the key may be a misspelt `api_key`."""
    known = known_keys(path[:-1])
    hint = suggestion(str(path[-1]), known)
    return Finding(path, None, "unknown key", ", ".join(known), hint, shows_value=False)


def _allowed(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "config":
        return str(context["allowed"])
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "")
    if kind == "too_long":
        return f"a list of at most {context['max_length']} entries"
    # Any other kind is a schema type without its own parser; pydantic's message names what is
    # expected and never contains the value.
    return _TYPES.get(kind) or str(error["msg"])
