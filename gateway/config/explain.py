"""What pydantic found, in the words of the file: where, what is wrong, what is allowed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gateway.config.known_fields import known_keys
from gateway.config.mistakes import Path, near


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong. `value` is raw and may be a secret; whoever shows it decides how."""

    path: Path
    value: object
    problem: str = ""
    allowed: str = ""
    hint: str = ""
    shows_value: bool = True


_SHAPES: Mapping[str, str] = {
    "model_type": "a mapping",
    "dict_type": "a mapping of names",
    "mapping_type": "a mapping of names",
    "list_type": "a list ([] for none)",
    "tuple_type": "a list ([] for none)",
}


def findings(error: ValidationError) -> list[Finding]:
    """One for each of pydantic's errors, in its order."""
    return [_finding(dict(one)) for one in error.errors(include_url=False)]


def _finding(error: Mapping[str, Any]) -> Finding:
    path: Path = error["loc"]
    kind, value = error["type"], error["input"]
    if kind == "missing":
        return Finding(path, None, "missing; it has no default", shows_value=False)
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "config" and path[-1] == "[key]":  # pydantic's mark for the key of a mapping
        return Finding(path[:-1], None, allowed=_allowed(error), shows_value=False)
    return Finding(path, value, allowed=_allowed(error))


def _unknown_key(path: Path) -> Finding:
    """The value is not told: the key may be a misspelt `api_key`."""
    known = known_keys(path[:-1])
    hint = near(str(path[-1]), known)
    return Finding(path, None, "unknown key", ", ".join(known), hint, shows_value=False)


def _allowed(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "config":
        return str(context["allowed"])
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "")
    if kind == "too_long":
        return f"a list of at most {context['max_length']}"
    # Another kind would be a type of the schema that has no reader of its own; pydantic's words
    # name what is expected, and never the value.
    return _SHAPES.get(kind) or str(error["msg"])
