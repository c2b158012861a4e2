"""What a new configuration changes, in words for a log line and the audit trail; no secrets."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from gateway.config.mistakes import Path, path_text
from gateway.config.part import Part
from gateway.config.schema import Config
from gateway.config.secrecy import HIDDEN, is_secret, shown
from gateway.config.team import BudgetConfig


def diff(old: Config, new: Config) -> list[str]:
    """One sentence per change, in the order of the file: `server.drain_seconds: 30 -> 60`.

    Things with a name are followed by it, budgets by what they cover, so that another order is no
    change; rules of `routing` by their position, because there the order counts.
    """
    return list(_changes(old, new, ()))


def _changes(old: Any, new: Any, path: Path) -> Iterator[str]:
    if old == new:
        return
    before, after = _entries(old), _entries(new)
    if before is None or after is None:
        yield _change(old, new, path)
        return
    for key in [*before, *(key for key in after if key not in before)]:
        here = (*path, key)
        if key not in after:
            yield f"{path_text(here)}: removed"
        elif key not in before:
            yield f"{path_text(here)}: added{_summary(after[key], here)}"
        else:
            yield from _changes(before[key], after[key], here)


def _entries(value: Any) -> Mapping[str | int, Any] | None:
    """What is below a value, each under what it is followed by; None where nothing is."""
    if isinstance(value, Part):
        return _fields(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple) and value and all(isinstance(one, Part) for one in value):
        return {_label(one, position): one for position, one in enumerate(value)}
    # An empty list may be one of parts: then all of the other side is added or removed.
    return {} if value == () else None


def _fields(part: Part) -> dict[str | int, Any]:
    fields = type(part).model_fields
    return {field.alias or name: getattr(part, name) for name, field in fields.items()}


def _label(part: Part, position: int) -> str | int:
    if isinstance(part, BudgetConfig):
        return " ".join(filter(None, (part.period, *part.models, part.key and f"key {part.key}")))
    name = getattr(part, "name", None)
    return position if name is None else str(name)


def _change(old: Any, new: Any, path: Path) -> str:
    if is_secret(path) or isinstance(old, SecretStr) or isinstance(new, SecretStr):
        return f"{path_text(path)}: changed {HIDDEN}"
    return f"{path_text(path)}: {shown(old, path)} -> {shown(new, path)}"


def _summary(part: Any, path: Path) -> str:
    """The plain values that an added part brings: ` (period month, limit_usd 500.00)`."""
    if not isinstance(part, Part):
        return ""
    values = [
        f"{field.alias or name} {shown(getattr(part, name), (*path, field.alias or name))}"
        for name, field in type(part).model_fields.items()
        if name in part.model_fields_set and not _is_below(getattr(part, name))
    ]
    return f" ({', '.join(values)})" if values else ""


def _is_below(value: Any) -> bool:
    return isinstance(value, Part | Mapping) or (
        isinstance(value, tuple) and any(isinstance(one, Part) for one in value)
    )
