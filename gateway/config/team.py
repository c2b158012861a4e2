"""Teams: their keys, what they may ask for and spend, and who hears of it."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, SecretStr

from gateway.config.part import Part
from gateway.config.places import EndpointUrl
from gateway.config.values import (
    Flag,
    FormerNames,
    Glob,
    KeyHash,
    Name,
    SomeGlobs,
    Usd,
    decimal_between,
    duration,
    or_null,
    read_resolution,
    read_seconds,
    rotating_secret,
    usd,
    whole,
)
from gateway.domain.units import Micros

_Globs = tuple[Glob, ...]
_Fraction = Annotated[Decimal, PlainValidator(decimal_between("0", "1", above=True))]
_Count = Annotated[int | None, PlainValidator(or_null(whole(1, 1_000_000)))]


class KeyConfig(Part):
    """A bearer key by its hash; of a team, or of the admin API."""

    name: Name
    hash: KeyHash


class TeamKey(KeyConfig):
    """A team's key. `was`: names it had before; what was spent under them still counts."""

    was: FormerNames = ()


class Lists(Part):
    """What is allowed and denied, by pattern; denied wins, an empty `allow` allows nothing."""

    allow: _Globs = ("*",)
    deny: _Globs = ()


class Limits(Part):
    """Bounds on one request and on the team's traffic; None: no bound."""

    max_duration: Annotated[int | None, PlainValidator(or_null(read_seconds))] = None
    """Whole seconds of video."""
    max_resolution: Annotated[str | None, PlainValidator(or_null(read_resolution))] = None
    """By its lines (`domain/resolution.py`)."""
    requests_per_minute: _Count = None
    concurrent_jobs: _Count = None
    max_image_mb: Annotated[int | None, PlainValidator(or_null(whole(1, 1024)))] = 20
    """Megabytes of one image that is inside the body as a data URL."""
    max_cost_micros: Annotated[Micros | None, PlainValidator(or_null(usd()))] = Field(
        default=None, alias="max_cost_usd"
    )


class BudgetConfig(Part):
    """A limit per period (UTC, weeks from Monday), counted over the models and key it names."""

    period: Literal["day", "week", "month", "total"]
    limit_micros: Usd = Field(alias="limit_usd")
    alerts: tuple[_Fraction, ...] = ()
    models: SomeGlobs = ()
    """Empty where the file names none: every model."""
    key: Name | None = None
    """None: every key."""


class DedupeConfig(Part):
    """Whether identical requests share one paid job, and for how long after it was submitted."""

    enabled: Flag = True
    ttl: Annotated[timedelta, PlainValidator(duration("1s", "365d"))] = timedelta(hours=24)


class SubscriberConfig(Part):
    """A URL that hears of events. `unless_callback`: silent when a request brings its own.

    `secret`: one, or two with a space between while it is rotated; the first signs where only one
    can (`docs/webhooks.md`).
    """

    name: Name
    url: EndpointUrl = Field(repr=False)  # the path of many such URLs is a secret
    secret: Annotated[SecretStr, PlainValidator(rotating_secret(16, "a signing secret"))]
    events: SomeGlobs = ("video.generation.*",)
    unless_callback: Flag = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets to sign with, the first one first."""
        return tuple(self.secret.get_secret_value().split(" "))


class Team(Part):
    """Who pays. `was`: names it had before; their spending and their jobs are still its own."""

    was: FormerNames = ()
    keys: tuple[TeamKey, ...] = ()
    zdr: Literal["allow", "require"] = "allow"
    models: Lists = Lists()
    providers: Lists = Lists()
    limits: Limits = Limits()
    budgets: tuple[BudgetConfig, ...] = ()
    dedupe: DedupeConfig = DedupeConfig()
    retain: Flag = True
    webhooks: tuple[SubscriberConfig, ...] = ()
