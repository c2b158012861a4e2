"""What every part of the configuration is: closed, frozen, silent about its secrets."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from gateway.config.values import Name, refuse


class Part(BaseModel):
    """A section of the file. An unknown key is a mistake; nothing can be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


T = TypeVar("T")


def _sealed(things: Mapping[str, T]) -> Mapping[str, T]:
    if not things:
        refuse("at least one, by its name")
    return MappingProxyType(dict(things))


ByName = Annotated[Mapping[Name, T], AfterValidator(_sealed)]
"""Things by their name, at least one, in the order of the file; read-only."""
