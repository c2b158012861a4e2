"""Which keys the schema knows, and where: for hints, and to check the documentation."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from gateway.config.mistakes import Path
from gateway.config.schema import Config


def known_keys(path: Path) -> list[str]:
    """The keys that a section may have, in the schema's order; none where names are free."""
    kind: Any = Config
    for part in path:
        kind = _below(kind, part)
    return list(_fields(kind))


def all_keys() -> Iterator[str]:
    """Every key of the schema: `teams.*.budgets[].period`."""
    yield from _walk(Config, "")


def _walk(kind: Any, prefix: str) -> Iterator[str]:
    for name, annotation in _fields(kind).items():
        path = f"{prefix}{name}"
        yield path
        below = _unwrap(annotation)
        if get_origin(below) is tuple:
            yield from _walk(_unwrap(get_args(below)[0]), f"{path}[].")
        elif _is_mapping(below):
            yield from _walk(_unwrap(get_args(below)[1]), f"{path}.*.")
        else:
            yield from _walk(below, f"{path}.")


def _below(kind: Any, part: str | int) -> Any:
    if isinstance(part, int):
        return _unwrap(get_args(kind)[0]) if get_origin(kind) is tuple else None
    if _is_mapping(kind):
        return _unwrap(get_args(kind)[1])
    return _unwrap(_fields(kind).get(part))


def _fields(kind: Any) -> dict[str, Any]:
    """The keys of a section, as the file writes them, with what stands under each."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return {}
    return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) is not None and get_origin(kind) is Mapping


def _unwrap(annotation: Any) -> Any:
    """Without `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated:
        return _unwrap(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _unwrap(next(one for one in get_args(annotation) if one is not type(None)))
    return annotation
