"""A team's client: the unmodified official SDK with another base URL and key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openrouter import OpenRouter
from openrouter.errors import OpenRouterError

from gateway.cli.demo.failed import DemoFailed
from gateway.cli.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Refusal:
    """The typed error that the SDK raised, with the gateway's metadata."""

    error_type: str
    status: int
    message: str
    gateway: Mapping[str, Any]  # `metadata.gateway`; empty if the upstream refused


def client(stage: Stage, team: str) -> Any:
    """Create the SDK client of one team; a context manager."""
    return OpenRouter(server_url=stage.api, api_key=stage.keys[team])


def refusal(stage: Stage, team: str, request: Mapping[str, Any]) -> Refusal:
    """Submit a request that must be refused, and return the refusal.

    Raises:
        DemoFailed: the request was accepted.

    """
    with client(stage, team) as sdk:
        try:
            job = sdk.video_generation.generate(**request)
        except OpenRouterError as error:
            body = json.loads(error.body)["error"]
            gateway = (body.get("metadata") or {}).get("gateway") or {}
            return Refusal(type(error).__name__, error.status_code, body["message"], gateway)
    raise DemoFailed(f"team {team}'s request should have been refused but became job {job.id}")
