"""What a sandbox can be told before it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

DEFAULT_API_KEY = "sk-or-sandbox"
"""Good for nothing but a sandbox, so it may be printed and committed."""

Seconds = tuple[float, float]
"""A range that a duration is drawn from; equal ends make it exact."""


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """All choices, with defaults for a test: it answers at once, jobs end after six seconds.

    All seconds but `webhook_timeout` are of the sandbox's clock.
    """

    api_keys: tuple[str, ...] = (DEFAULT_API_KEY,)
    webhook_secret: str | None = None  # None: webhooks go out unsigned, as OpenRouter's do
    default_callback_url: str | None = None  # the workspace default; a request's own wins
    allow_http_callbacks: bool = True  # the real service takes https only
    webhook_retries: tuple[float, ...] = (5.0, 60.0, 600.0, 3600.0, 7200.0)  # six tries in all
    webhook_jitter: float = 0.1  # a wait is lengthened by up to this share
    webhook_timeout: float = 10.0  # real seconds: the receiver's machine runs at its own speed
    public_url: str | None = None  # origin of the URLs handed out; None: the request's Host
    submit_seconds: Seconds = (0.0, 0.0)  # recorded on the real service: 2.4 to 3.6
    generation_seconds: Seconds = (6.0, 6.0)  # recorded: 5.6 and 61.6
    pending_share: float = 0.3  # the part of them spent in `pending` where `in_progress` is shown
    in_progress: Literal["never", "always", "mixed"] = "mixed"
    retention_seconds: float = 86_400.0  # content answers 410 afterwards
    stored_copy_seconds: float | None = None  # set: polls carry `urls` and `expires_at`
    not_ready_status: Literal[404, 409] = 409  # content before completion
    error_shape: Literal["standard", "zod"] = "standard"  # for a body of the wrong shape
    strict_flags: bool = True  # refuse generate_audio and seed on models that say they lack them
    zdr: bool = False  # the account enforces zero data retention: no video is routed
    byok: Literal["no", "free", "fee"] = "no"  # `fee` charges five per cent of the list price
    outputs: int = 1  # videos per job
    source_seconds: int = 8  # length of the clips that edit, upscale and avatar models are given
    source_size: tuple[int, int] = (1280, 720)  # and their shape: the sandbox never fetches them
    max_body_bytes: int = 64 * 1024 * 1024
    control_token: str | None = None  # None: /sandbox/v1 answers loopback peers only
    seed: int | None = None  # set: ids and drawn durations repeat from run to run
    models: Mapping[str, Any] | None = field(default=None, repr=False)  # None: the 30 recorded
    byok_fee: Decimal = Decimal("0.05")
