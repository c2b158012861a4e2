"""Describes the changes of a reload for the log and the audit trail, without secrets."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from gateway.config.mistakes import Path, path_text
from gateway.config.redaction import HIDDEN, display, is_secret
from gateway.config.schema import Config
from gateway.config.section import Section
from gateway.config.team import BudgetConfig


def diff(old: Config, new: Config) -> list[str]:
    """Return one line per change, in the order of the file: `server.drain_seconds: 30 -> 60`.

    Entries of a list are matched by name, budgets by what they cover, so that a new order is not a
    change; rules of `routing` are matched by position, because their order matters.
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
        entry = (*path, key)
        if key not in after:
            yield f"{path_text(entry)}: removed"
        elif key not in before:
            yield f"{path_text(entry)}: added{_summary(after[key], entry)}"
        else:
            yield from _changes(before[key], after[key], entry)


def _entries(value: Any) -> Mapping[str | int, Any] | None:
    """Return the entries below a value by the key that matches them; None for a plain value."""
    if isinstance(value, Section):
        return _fields(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple) and value and all(isinstance(item, Section) for item in value):
        return {_label(item, position): item for position, item in enumerate(value)}
    # An empty list may be one of sections: every entry of the other side is added or removed.
    return {} if value == () else None


def _fields(section: Section) -> dict[str | int, Any]:
    fields = type(section).model_fields
    return {field.alias or name: getattr(section, name) for name, field in fields.items()}


def _label(section: Section, position: int) -> str | int:
    if isinstance(section, BudgetConfig):
        return " ".join(
            filter(None, (section.period, *section.models, section.key and f"key {section.key}"))
        )
    name = getattr(section, "name", None)
    return position if name is None else str(name)


def _change(old: Any, new: Any, path: Path) -> str:
    if is_secret(path) or isinstance(old, SecretStr) or isinstance(new, SecretStr):
        return f"{path_text(path)}: changed {HIDDEN}"
    return f"{path_text(path)}: {display(old, path)} -> {display(new, path)}"


def _summary(section: Any, path: Path) -> str:
    """Return the plain values of an added section: ` (period month, limit_usd 500.00)`."""
    if not isinstance(section, Section):
        return ""
    values = [
        f"{field.alias or name} {display(getattr(section, name), (*path, field.alias or name))}"
        for name, field in type(section).model_fields.items()
        if name in section.model_fields_set and not _has_entries(getattr(section, name))
    ]
    return f" ({', '.join(values)})" if values else ""


def _has_entries(value: Any) -> bool:
    return isinstance(value, Section | Mapping) or (
        isinstance(value, tuple) and any(isinstance(item, Section) for item in value)
    )
