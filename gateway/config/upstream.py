"""Upstreams, and which of them gets a request."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from gateway.config.part import Part
from gateway.config.places import BaseUrl
from gateway.config.values import (
    Flag,
    Name,
    SomeGlobs,
    at_least_one,
    decimal_between,
    duration,
    or_null,
    read_flag,
    read_header_secret,
    refuse,
    secret,
)

_Wait = Annotated[timedelta, PlainValidator(duration("1ms", "1h"))]


def _drop_empty(value: Any) -> Any:
    """An unset `${NAME:-}` leaves an empty text: no secret, not a bad one."""
    return [one for one in value if one != ""] if isinstance(value, list | tuple) else value


def _read_factor(value: object) -> float:
    return float(decimal_between("1", "10")(value))


class Timeout(Part):
    """How long an upstream may take."""

    connect: _Wait = timedelta(seconds=5)
    submit: _Wait = timedelta(seconds=60)
    poll: _Wait = timedelta(seconds=15)
    content_idle: _Wait = timedelta(seconds=30)


class Poll(Part):
    """When an open job is asked for: after `first`, then `factor` times longer, at most `max`."""

    first: _Wait = timedelta(seconds=5)
    factor: Annotated[float, PlainValidator(_read_factor)] = 1.5
    max: Annotated[_Wait, Field(validate_default=True)] = timedelta(seconds=30)

    @field_validator("max")
    @classmethod
    def _not_before_first(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        if value < info.data.get("first", value):
            refuse("a duration not shorter than poll.first")
        return value


class UpstreamConfig(Part):
    """An OpenRouter-shaped API. `webhook_secrets` empty: its events are only hints to poll."""

    base_url: BaseUrl
    api_key: Annotated[SecretStr, PlainValidator(read_header_secret)]
    webhook_secrets: Annotated[
        tuple[Annotated[SecretStr, PlainValidator(secret(16, "a signing secret"))], ...],
        BeforeValidator(_drop_empty),
    ] = ()
    zdr: Flag = False
    timeout: Timeout = Timeout()
    poll: Poll = Poll()
    unknown_ttl: Annotated[timedelta, PlainValidator(duration("1s", "7d"))] = Field(
        default=timedelta(minutes=15), validate_default=True
    )

    lost_after: Annotated[timedelta, PlainValidator(duration("1m", "30d"))] = timedelta(hours=24)

    @field_validator("unknown_ttl")
    @classmethod
    def _after_the_submit(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        timeout = info.data.get("timeout")
        if timeout is not None and value < timeout.submit:
            refuse("a duration not shorter than timeout.submit: until then an answer may come")
        return value


class When(Part):
    """What narrows a rule; what is None narrows nothing."""

    zdr: Annotated[bool | None, PlainValidator(or_null(read_flag))] = None
    teams: Annotated[tuple[Name, ...], AfterValidator(at_least_one)] | None = None
    models: SomeGlobs | None = None


class Route(Part):
    """One rule of `routing`: requests that fit `when` go to the upstream `to`."""

    to: Name
    when: When = When()
