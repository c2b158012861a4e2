"""Error responses of the emulated service, in its two recorded formats."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

MESSAGES: Mapping[int, str] = {
    400: "Invalid request parameters",
    401: "No cookie auth credentials found",
    402: "Insufficient credits",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    409: "Resource conflict. Please try again later.",
    410: "Gone",
    413: "Request payload too large",
    429: "Provider returned error",
    499: "Client closed request",
    500: "Internal Server Error",
    502: "Provider returned error",
    503: "Service temporarily unavailable",
}
"""The documented or recorded message of each status.

See docs/openrouter-contract.md section 1 and openapi.json.
"""

METADATA: Mapping[int, Mapping[str, Any]] = {
    402: {"limit_source": "openrouter_credits"},
    429: {"limit_source": "upstream_provider_shared_pool"},
}

VALIDATION_FUNNEL: Mapping[str, Any] = {
    "routing_funnel": [{"step": "Initial Endpoints", "endpoint_count": 1}],
    "failed_routing_step": "Validate Video Parameters",
}
"""The recorded metadata of an unsupported duration or resolution."""


class ApiError(Exception):
    """An error response of the emulated service."""

    def __init__(
        self,
        status: int,
        message: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`message` None: the known message of that status."""
        self.status = status
        self.message = message if message is not None else MESSAGES.get(status, f"HTTP {status}")
        self.metadata = metadata
        self.headers = dict(headers or {})
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        error: dict[str, Any] = {"message": self.message, "code": self.status}
        if self.metadata is not None:
            error["metadata"] = dict(self.metadata)
        return {"error": error}


class SchemaError(ApiError):
    """An invalid body: 400 in the standard format or in the Zod format, both recorded."""

    def __init__(self, issues: Sequence[Mapping[str, Any]], shape: str) -> None:
        """`issues` are `{code, path, message}`, as Zod lists them."""
        self.issues = list(issues)
        self.shape = shape
        super().__init__(400, "; ".join(_sentence(issue) for issue in issues))

    def body(self) -> dict[str, Any]:
        """Return the JSON body; the Zod format has no `code`, and its message is JSON text."""
        if self.shape == "standard":
            return super().body()
        text = json.dumps(self.issues, indent=2)
        return {"success": False, "error": {"name": "ZodError", "message": text}}


def _sentence(issue: Mapping[str, Any]) -> str:
    path = ".".join(str(part) for part in issue["path"])
    return f"{path}: {issue['message']}" if path else str(issue["message"])


def validation_failed(message: str) -> ApiError:
    """Create the error for a value that the model does not support."""
    return ApiError(400, message, VALIDATION_FUNNEL)
