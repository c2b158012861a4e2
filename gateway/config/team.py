"""Configuration of teams: keys, policy, limits, budgets and subscribers."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, SecretStr

from gateway.config.addresses import EndpointUrl
from gateway.config.section import Section
from gateway.config.values import (
    Flag,
    FormerNames,
    Glob,
    KeyHash,
    Name,
    NonEmptyGlobs,
    Usd,
    decimal_between,
    duration,
    integer,
    or_null,
    read_headers,
    read_resolution,
    read_seconds,
    rotating_secret,
    usd,
)
from gateway.domain.units import Micros

_Globs = tuple[Glob, ...]
_Fraction = Annotated[Decimal, PlainValidator(decimal_between("0", "1", above=True))]
_Count = Annotated[int | None, PlainValidator(or_null(integer(1, 1_000_000)))]


class KeyConfig(Section):
    """The hash of a team's API key or of an admin token."""

    name: Name
    hash: KeyHash


class TeamKey(KeyConfig):
    """A team's key. `was`: its former names, whose spending still counts."""

    was: FormerNames = ()


class Lists(Section):
    """Patterns to allow and deny. `deny` takes precedence; an empty `allow` allows nothing."""

    allow: _Globs = ("*",)
    deny: _Globs = ()


class Limits(Section):
    """Limits on one request and on the team's traffic; None: no limit."""

    max_duration: Annotated[int | None, PlainValidator(or_null(read_seconds))] = None
    """Whole seconds of video."""
    max_resolution: Annotated[str | None, PlainValidator(or_null(read_resolution))] = None
    """Compared by number of lines (`domain/resolution.py`)."""
    requests_per_minute: _Count = None
    concurrent_jobs: _Count = None
    max_image_mb: Annotated[int | None, PlainValidator(or_null(integer(1, 1024)))] = 20
    """Megabytes of one image that is inside the body as a data URL."""
    max_cost_micros: Annotated[Micros | None, PlainValidator(or_null(usd()))] = Field(
        default=None, alias="max_cost_usd"
    )


class DefaultsConfig(Section):
    """What is filled in where a request leaves it open; None: nothing."""

    duration: Annotated[int | None, PlainValidator(or_null(read_seconds))] = None
    """Whole seconds of video."""
    resolution: Annotated[str | None, PlainValidator(or_null(read_resolution))] = None


class BudgetConfig(Section):
    """A limit per period (UTC, weeks start on Monday), for the models and the key it names."""

    period: Literal["day", "week", "month", "total"]
    limit_micros: Usd = Field(alias="limit_usd")
    alerts: tuple[_Fraction, ...] = ()
    models: NonEmptyGlobs = ()
    """Empty: every model."""
    key: Name | None = None
    """None: every key."""


class DedupeConfig(Section):
    """Whether identical requests share one paid job, and for how long after its submission."""

    enabled: Flag = True
    ttl: Annotated[timedelta, PlainValidator(duration("1s", "365d"))] = timedelta(hours=24)


class SubscriberConfig(Section):
    """A URL that receives events. `unless_callback`: not for requests with a callback_url.

    `secret`: one secret, or two separated by a space during a rotation; where only one signature is
    possible, the first secret signs (`docs/webhooks.md`).
    """

    name: Name
    url: EndpointUrl = Field(repr=False)  # the path of many such URLs is a secret
    secret: Annotated[SecretStr, PlainValidator(rotating_secret(16, "a signing secret"))]
    headers: Annotated[Mapping[str, SecretStr], PlainValidator(read_headers)] = Field(
        default_factory=dict
    )
    """Sent with every delivery, beside the gateway's own."""
    events: NonEmptyGlobs = ("video.generation.*",)
    unless_callback: Flag = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the signing secrets in order."""
        return tuple(self.secret.get_secret_value().split(" "))

    @property
    def own_headers(self) -> dict[str, str]:
        """Return the headers in clear text, to be sent."""
        return {name: value.get_secret_value() for name, value in self.headers.items()}


class Team(Section):
    """A team pays for its jobs. `was`: former names; their jobs and spending stay with it."""

    was: FormerNames = ()
    keys: tuple[TeamKey, ...] = ()
    zdr: Literal["allow", "require"] = "allow"
    models: Lists = Lists()
    providers: Lists = Lists()
    defaults: DefaultsConfig = DefaultsConfig()
    limits: Limits = Limits()
    budgets: tuple[BudgetConfig, ...] = ()
    dedupe: DedupeConfig = DedupeConfig()
    retain: Flag = True
    webhooks: tuple[SubscriberConfig, ...] = ()
