"""The base of every configuration section: closed, frozen, without secrets in its errors."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from gateway.config.values import Name, refuse


class Section(BaseModel):
    """A section of the file. It rejects unknown keys and is immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


T = TypeVar("T")


def _read_only(entries: Mapping[str, T]) -> Mapping[str, T]:
    if not entries:
        refuse("a mapping with at least one entry")
    return MappingProxyType(dict(entries))


ByName = Annotated[Mapping[Name, T], AfterValidator(_read_only)]
"""At least one entry by name, in the order of the file; read-only."""
