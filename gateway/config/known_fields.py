"""The keys of the schema, for suggestions in errors and to check the documentation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.config.mistakes import Path
from gateway.config.schema import Config


def known_keys(path: Path) -> list[str]:
    """Return the keys of a section in the schema's order; none for a mapping with free names."""
    kind: Any = Config
    for part in path:
        kind = _child(kind, part)
    return list(_fields(kind))


@dataclass(frozen=True, slots=True)
class KnownField:
    """A key of the file: `teams.*.budgets[].period`. `section`: it contains other keys."""

    path: str
    required: bool
    default: Any
    section: bool


def all_keys() -> Iterator[KnownField]:
    """Yield every key of the schema, in its order."""
    yield from _walk(Config, "")


def _walk(kind: Any, prefix: str) -> Iterator[KnownField]:
    for name, field in _fields(kind).items():
        path = f"{prefix}{name}"
        children = list(_walk(*_children(field.annotation, path)))
        yield KnownField(path, field.is_required(), field.default, bool(children))
        yield from children


def _children(annotation: Any, path: str) -> tuple[Any, str]:
    """Return the type that holds the keys below a key, and the prefix of their paths."""
    kind = _unwrap(annotation)
    if get_origin(kind) is tuple:
        return _unwrap(get_args(kind)[0]), f"{path}[]."
    if _is_mapping(kind):
        return _unwrap(get_args(kind)[1]), f"{path}.*."
    return kind, f"{path}."


def _child(kind: Any, part: str | int) -> Any:
    if isinstance(part, int):
        return _unwrap(get_args(kind)[0]) if get_origin(kind) is tuple else None
    if _is_mapping(kind):
        return _unwrap(get_args(kind)[1])
    field = _fields(kind).get(part)
    return _unwrap(field.annotation) if field else None


def _fields(kind: Any) -> dict[str, FieldInfo]:
    """Return the fields of a section by their key in the file."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return {}
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) is Mapping


def _unwrap(annotation: Any) -> Any:
    """Remove `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated:
        return _unwrap(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _unwrap(next(kind for kind in get_args(annotation) if kind is not type(None)))
    return annotation
