"""Configuration of upstreams and routing."""

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

from gateway.config.addresses import BaseUrl
from gateway.config.section import Section
from gateway.config.values import (
    Flag,
    Name,
    NonEmptyGlobs,
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
    """Drop empty texts, which an unset `${NAME:-}` leaves."""
    return [item for item in value if item != ""] if isinstance(value, list | tuple) else value


def _read_factor(value: object) -> float:
    return float(decimal_between("1", "10")(value))


class Timeout(Section):
    """Timeouts of requests to an upstream."""

    connect: _Wait = timedelta(seconds=5)
    submit: _Wait = timedelta(seconds=60)
    poll: _Wait = timedelta(seconds=15)
    content_idle: _Wait = timedelta(seconds=30)


class Poll(Section):
    """Waits between polls: `first`, then each `factor` times longer than the last, up to `max`."""

    first: _Wait = timedelta(seconds=5)
    factor: Annotated[float, PlainValidator(_read_factor)] = 1.5
    max: Annotated[_Wait, Field(validate_default=True)] = timedelta(seconds=30)

    @field_validator("max")
    @classmethod
    def _not_before_first(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        if value < info.data.get("first", value):
            refuse("a duration of at least poll.first")
        return value


class UpstreamConfig(Section):
    """An OpenRouter-shaped API. Without `webhook_secrets`, its events only trigger a poll."""

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
            refuse("a duration of at least timeout.submit, because an answer may arrive until then")
        return value


class When(Section):
    """Conditions of a rule; None matches every request."""

    zdr: Annotated[bool | None, PlainValidator(or_null(read_flag))] = None
    teams: Annotated[tuple[Name, ...], AfterValidator(at_least_one)] | None = None
    models: NonEmptyGlobs | None = None


class Route(Section):
    """One rule of `routing`: requests that match `when` go to the upstream `to`."""

    to: Name
    when: When = When()
