"""The schema of `config/gateway.yaml`, as typed and immutable values.

Durations are `timedelta`, money is integer micro-dollars (`limit_usd` in the file, `limit_micros`
here), secrets are `SecretStr`. A test compares the schema with `docs/configuration.md`.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from gateway.config.addresses import (
    Bind,
    Binds,
    ContentUrl,
    DatabaseUrl,
    Listen,
    PublicUrl,
    sqlite_path,
    web_url,
)
from gateway.config.section import ByName, Section
from gateway.config.team import BudgetConfig, KeyConfig, SubscriberConfig, Team
from gateway.config.upstream import Route, UpstreamConfig
from gateway.config.values import (
    Cidr,
    Flag,
    Glob,
    UsdAboveZero,
    at_least_one,
    decimal_between,
    duration,
    integer,
    is_name,
    or_null,
    refuse,
    secret,
)
from gateway.domain.units import Micros

_MB = 1_000_000
_GB = 1_000_000_000


class Server(Section):
    """The two listeners and their limits."""

    listen: Binds = (Listen("127.0.0.1", 8080),)
    admin_listen: Bind = Listen("127.0.0.1", 8081)
    public_url: PublicUrl = "http://127.0.0.1:8080"
    """Without a trailing slash."""
    max_body_mb: Annotated[int, PlainValidator(integer(1, 1024))] = 64
    max_body_mb_in_flight: Annotated[int, PlainValidator(integer(1, 65536))] = 256
    max_connections_per_peer: Annotated[int, PlainValidator(integer(1, 65536))] = 256
    trusted_proxies: tuple[Cidr, ...] = ()
    answer_within: Annotated[timedelta, PlainValidator(duration("100ms", "10m"))] = timedelta(
        seconds=4
    )
    drain_seconds: Annotated[int, PlainValidator(integer(0, 3600))] = 30
    keepalive: Annotated[timedelta, PlainValidator(duration("1s", "1h"))] = timedelta(seconds=75)
    lame_duck: Annotated[timedelta, PlainValidator(duration("0s", "10m"))] = timedelta(seconds=5)

    @property
    def max_body_bytes(self) -> int:
        """Return the maximum body size in bytes; a megabyte is 1,000,000 bytes."""
        return self.max_body_mb * _MB

    @property
    def max_bytes_in_flight(self) -> int:
        """The most bytes of bodies in memory at once; a megabyte is a million."""
        return self.max_body_mb_in_flight * _MB


class DatabaseConfig(Section):
    """The database."""

    url: DatabaseUrl = SecretStr("sqlite:///var/gateway.db")
    """A `SecretStr`: a PostgreSQL URL may hold a password."""

    @property
    def path(self) -> Path | None:
        """Return the file of a SQLite database, None for PostgreSQL."""
        return sqlite_path(self.url.get_secret_value())


class ContentConfig(Section):
    """The store of videos."""

    mode: Literal["passthrough", "cache", "archive"] = "cache"
    url: ContentUrl = "var/content"
    max_gb: Annotated[Decimal, PlainValidator(decimal_between("0", "10000000", above=True))] = (
        Decimal(20)
    )
    retention: Annotated[timedelta, PlainValidator(duration("1m", "3650d"))] = timedelta(days=30)
    gone_after: Annotated[timedelta, PlainValidator(duration("1s", "7d"))] = timedelta(minutes=1)

    @property
    def max_bytes(self) -> int:
        """Return the maximum size of the store in bytes; a gigabyte is 1,000,000,000 bytes."""
        return int(self.max_gb * _GB)


class CatalogConfig(Section):
    """The cached capabilities: how often they are fetched, and how old they may become."""

    refresh: Annotated[timedelta, PlainValidator(duration("1s", "30d"))] = timedelta(minutes=10)
    max_stale: Annotated[timedelta, PlainValidator(duration("1s", "365d"))] = Field(
        default=timedelta(hours=24), validate_default=True
    )

    @field_validator("max_stale")
    @classmethod
    def _not_before_refresh(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        if value < info.data.get("refresh", value):
            refuse("a duration of at least catalog.refresh")
        return value


class Pricing(Section):
    """Requests whose price is unknown, and whether BYOK cost counts."""

    unpriced: Literal["refuse", "reserve"] = "refuse"
    unpriced_micros: UsdAboveZero = Field(default=Micros(5_000_000), alias="unpriced_usd")
    include_byok: Flag = False


class PolicyConfig(Section):
    """Policy for all teams. `unknown_fields`: top-level fields that the contract lacks."""

    unknown_fields: Literal["pass", "refuse"] = "pass"


class CallbacksConfig(Section):
    """Allowed destinations of a client's `callback_url`. Empty `allow_hosts`: any public host."""

    allow_http: Flag = False
    allow_networks: tuple[Cidr, ...] = ()
    allow_hosts: tuple[Glob, ...] = ()


_Retry = Annotated[timedelta, PlainValidator(duration("1s", "30d"))]


class DeliveryConfig(Section):
    """Delivery of events. `retries`: waits between attempts; after the last, a delivery is dead."""

    timeout: Annotated[timedelta, PlainValidator(duration("100ms", "5m"))] = timedelta(seconds=15)
    retries: Annotated[tuple[_Retry, ...], Field(max_length=50)] = (
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
        timedelta(hours=14),
        timedelta(hours=20),
        timedelta(hours=24),
    )
    max_in_flight_per_endpoint: Annotated[int, PlainValidator(integer(1, 1000))] = 4


class Admin(Section):
    """Access to the admin API. Without tokens, the gateway generates one."""

    tokens: tuple[KeyConfig, ...] = ()
    hosts: tuple[Glob, ...] = ()
    metrics_hosts: tuple[Glob, ...] = ()


class TelemetryConfig(Section):
    """Logs and traces. Without `otlp_endpoint`, no traces are sent."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    otlp_endpoint: Annotated[
        str | None, PlainValidator(or_null(web_url("the URL of an OTLP collector")))
    ] = None


class Config(Section):
    """The whole file. Load it with `gateway.config.loader`, which also checks across sections."""

    server: Server = Server()
    database: DatabaseConfig = DatabaseConfig()
    content: ContentConfig = ContentConfig()
    signing_key: Annotated[
        SecretStr | None, PlainValidator(or_null(secret(32, "a signing key", "bytes")))
    ] = None
    """None: generated at the first start and stored in the database."""
    upstreams: ByName[UpstreamConfig]
    routing: Annotated[tuple[Route, ...], AfterValidator(at_least_one)] = ()
    """Never empty: without `routing`, every upstream in the order of the file."""
    catalog: CatalogConfig = CatalogConfig()
    pricing: Pricing = Pricing()
    budgets: tuple[BudgetConfig, ...] = ()
    teams: ByName[Team]
    webhooks: tuple[SubscriberConfig, ...] = ()
    policy: PolicyConfig = PolicyConfig()
    callbacks: CallbacksConfig = CallbacksConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    admin: Admin = Admin()
    telemetry: TelemetryConfig = TelemetryConfig()

    @model_validator(mode="before")
    @classmethod
    def _route_to_all(cls, data: Any) -> Any:
        """Without `routing`, add a rule for every upstream in order."""
        if not isinstance(data, dict) or "routing" in data:
            return data
        upstreams = data.get("upstreams")
        names = list(filter(is_name, upstreams)) if isinstance(upstreams, Mapping) else []
        return {**data, "routing": [{"to": name} for name in names]} if names else data
