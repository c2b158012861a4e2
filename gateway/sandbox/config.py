"""Configuration of a sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

DEFAULT_API_KEY = "sk-or-sandbox"
"""Valid for a sandbox only, so it may be printed and committed."""

Seconds = tuple[float, float]
"""A range for a random duration; equal ends make it exact."""


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """All options, with defaults for tests: submits answer at once, jobs take six seconds.

    All seconds except `webhook_timeout` are sandbox seconds.
    """

    api_keys: tuple[str, ...] = (DEFAULT_API_KEY,)
    webhook_secret: str | None = None  # None: webhooks are unsigned, as OpenRouter's are
    default_callback_url: str | None = (
        None  # the workspace default; a request's callback_url overrides it
    )
    allow_http_callbacks: bool = True  # the real service accepts https only
    webhook_retries: tuple[float, ...] = (5.0, 60.0, 600.0, 3600.0, 7200.0)  # six attempts in total
    webhook_jitter: float = 0.1  # a wait is extended by up to this fraction
    webhook_timeout: float = 10.0  # real seconds, because the receiver runs in real time
    public_url: str | None = None  # origin of returned URLs; None: the request's Host
    submit_seconds: Seconds = (0.0, 0.0)  # recorded on the real service: 2.4 to 3.6
    generation_seconds: Seconds = (6.0, 6.0)  # recorded: 5.6 and 61.6
    pending_share: float = (
        0.3  # fraction of them in `pending` if the job passes through `in_progress`
    )
    in_progress: Literal["never", "always", "mixed"] = "mixed"
    retention_seconds: float = 86_400.0  # afterwards content returns 410
    stored_copy_seconds: float | None = None  # set: polls return `urls` and `expires_at`
    not_ready_status: Literal[404, 409] = 409  # status of content before completion
    error_shape: Literal["standard", "zod"] = "standard"  # format of the error for an invalid body
    strict_flags: bool = True  # reject generate_audio and seed on models without them
    zdr: bool = False  # the account requires zero data retention: every job is refused
    byok: Literal["no", "free", "fee"] = "no"  # `fee` charges 5 % of the list price
    outputs: int = 1  # videos per job
    source_seconds: int = 8  # assumed length of input clips for edit, upscale and avatar models
    source_size: tuple[int, int] = (
        1280,
        720,
    )  # and their assumed size: the sandbox never fetches them
    max_body_bytes: int = 64 * 1024 * 1024
    control_token: str | None = None  # for /sandbox/v1; None: a random one
    seed: int | None = None  # set: ids and random durations are the same in every run
    models: Mapping[str, Any] | None = field(
        default=None, repr=False
    )  # None: the 30 recorded models
    byok_fee: Decimal = Decimal("0.05")
