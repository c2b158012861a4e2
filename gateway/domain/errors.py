"""The error tree: what can be said to a client, and what only to an operator.

    GatewayError
      Refused        we say no, with a stable reason, the numbers behind it, and what to do
      Relayed        the upstream said no, and its words are passed on as they came
      StorageFailed  the database did not take or did not answer; deny, and say nothing of why

Three answers stay apart everywhere: refused, failed, unknown (docs/architecture.md, one job's
life).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why the gateway itself refused; stable, machine-readable (`metadata.gateway.reason`)."""

    INVALID_KEY = "invalid_key"
    REVOKED_KEY = "revoked_key"
    WEBHOOK_REFUSED = "webhook_refused"
    BUDGET_EXCEEDED = "budget_exceeded"
    BILL_DISPUTED = "bill_disputed"
    COST_LIMIT = "cost_limit"
    PRICE_UNKNOWN = "price_unknown"
    MODEL_NOT_ALLOWED = "model_not_allowed"
    PROVIDER_NOT_ALLOWED = "provider_not_allowed"
    LIMIT_EXCEEDED = "limit_exceeded"
    ZDR_UNAVAILABLE = "zdr_unavailable"
    HOST_NOT_ALLOWED = "host_not_allowed"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    JOB_NOT_FOUND = "job_not_found"
    MODEL_NOT_FOUND = "model_not_found"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    INVALID_REQUEST = "invalid_request"
    UNSUPPORTED_PARAMETER = "unsupported_parameter"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    NOT_COMPLETED = "not_completed"
    ALREADY_ENDED = "already_ended"
    NOT_SETTLEABLE = "not_settleable"
    ENDPOINT_DISABLED = "endpoint_disabled"
    CONTENT_GONE = "content_gone"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TIMEOUT = "body_timeout"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    UPSTREAM_CREDENTIALS = "upstream_credentials"
    UPSTREAM_MISCONFIGURED = "upstream_misconfigured"
    UPSTREAM_CREDITS = "upstream_credits"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_JOBS = "too_many_jobs"
    UPSTREAM_FAILED = "upstream_failed"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    NOT_READY = "not_ready"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    OVERLOADED = "overloaded"
    INTERNAL = "internal"


class GatewayError(Exception):
    """The root: everything the gateway raises on purpose."""


class Refused(GatewayError):
    """We say no. `message` is for a person; `details` are the numbers; nothing was spent."""

    def __init__(
        self,
        reason: Reason,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        retry_after: int | None = None,
    ) -> None:
        """`retry_after`: whole seconds, only where waiting helps."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.details: Mapping[str, Any] = details or {}
        self.retry_after = retry_after


class Relayed(GatewayError):
    """The upstream refused; status, `error` object and Retry-After go on as they came."""

    def __init__(
        self, status: int, error: Mapping[str, Any], *, retry_after: int | None = None
    ) -> None:
        """`error` is OpenRouter's error object: `code`, `message`, maybe `metadata`."""
        super().__init__(str(error.get("message", "")))
        self.status = status
        self.error = error
        self.retry_after = retry_after


class StorageFailed(GatewayError):
    """The database did not take an act, or it is not known whether it did. Deny; never guess."""


class UnusableDatabase(GatewayError):
    """The database can't keep what the gateway promises; said in plain words, for an operator."""


class DatabaseInUse(UnusableDatabase):
    """Another process owns the SQLite file."""
