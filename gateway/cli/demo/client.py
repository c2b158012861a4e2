"""A team's client: the official SDK, unmodified, told nothing but a base URL and a key."""

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
    """What the SDK raised: its own typed error, and the gateway's words in it."""

    kind: str
    status: int
    message: str
    gateway: Mapping[str, Any]  # `metadata.gateway`; empty where the upstream refused


def client(stage: Stage, team: str) -> Any:
    """The SDK for one team; a context manager."""
    return OpenRouter(server_url=stage.api, api_key=stage.keys[team])


def refusal(stage: Stage, team: str, request: Mapping[str, Any]) -> Refusal:
    """Submit what must be refused.

    Raises:
        DemoFailed: it was taken on.

    """
    with client(stage, team) as sdk:
        try:
            job = sdk.video_generation.generate(**request)
        except OpenRouterError as error:
            body = json.loads(error.body)["error"]
            told = (body.get("metadata") or {}).get("gateway") or {}
            return Refusal(type(error).__name__, error.status_code, body["message"], told)
    raise DemoFailed(f"team {team}'s request should have been refused, and became {job.id}")
