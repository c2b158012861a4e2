"""GET /api/v1/key and /api/v1/auth/key: spending and remaining budget of the caller's key."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from gateway.api.public.access import principal
from gateway.api.public.parts import PARTS
from gateway.domain.budget import Headroom, Period
from gateway.services.money.standing import KeyStanding, key_standing

_UNLIMITED = -1  # OpenRouter's value without a rate limit


async def current_key(request: web.Request) -> web.Response:
    """Return OpenRouter's key object, filled from the team's tightest budget.

    Clients use it to check a key and to show what is left. The organisation's budgets limit what
    is left, but their amounts are not shown.
    """
    parts = request.app[PARTS]
    who = principal(request)
    stands = await key_standing(parts.database, parts.live.current, who, parts.clock.now())
    body = {"data": _data(f"{who.team}/{who.key}", stands)}
    return web.Response(body=orjson.dumps(body), content_type="application/json")


def _data(label: str, stands: KeyStanding) -> dict[str, Any]:
    own = [room for room in stands.rooms if room.budget.team is not None]
    tightest = min(own, key=lambda room: room.available, default=None)
    left = [room.available for room in stands.rooms]
    budgets = [_budget(room) for room in own]
    return {
        "label": label,
        "limit": None if tightest is None else _usd(tightest.budget.limit_micros),
        "limit_remaining": _usd(min(left)) if left else None,
        "limit_reset": None if tightest is None else _reset(tightest),
        "usage": _usd(stands.spent_this_month),
        "usage_daily": _usd(_spent(own, Period.DAY)),
        "usage_weekly": _usd(_spent(own, Period.WEEK)),
        "usage_monthly": _usd(stands.spent_this_month),
        "byok_usage": 0,
        "byok_usage_daily": 0,
        "byok_usage_weekly": 0,
        "byok_usage_monthly": 0,
        "include_byok_in_limit": stands.include_byok,
        "is_free_tier": False,
        "is_management_key": False,
        "is_provisioning_key": False,
        "rate_limit": {
            "requests": stands.requests_per_minute or _UNLIMITED,
            "interval": "60s",
            "note": "Submits of the team; polls and downloads are not limited.",
        },
        "budgets": budgets,
        "effective_budget": None if tightest is None else _budget(tightest),
        "free_model_daily_requests": {"limit": 0, "remaining": 0, "used": 0},
        "allowed_data_regions": ["global"],
        "creator_user_id": None,
        "organization_id": None,
        "workspace_id": None,
        "expires_at": None,
    }


def _budget(room: Headroom) -> dict[str, Any]:
    return {
        "budget_id": room.budget.id,
        "guardrail_id": None,
        "scope": "workspace" if room.budget.key is None else "key_limit",
        "limit_usd": _usd(room.budget.limit_micros),
        "spend_usd": _usd(room.spent + room.reserved),
        "remaining_usd": _usd(room.available),
        "reset_interval": _reset(room),
        "resets_at": None if room.resets_at is None else _iso(room.resets_at),
        "include_byok": False,
    }


def _reset(room: Headroom) -> str | None:
    names = {Period.DAY: "daily", Period.WEEK: "weekly", Period.MONTH: "monthly"}
    return names.get(room.budget.period)


def _spent(rooms: Sequence[Headroom], period: Period) -> int:
    """Return the largest amount that a budget of the period has counted; 0 without one."""
    return max((room.spent for room in rooms if room.budget.period is period), default=0)


def _usd(micros: int) -> float:
    return micros / 1_000_000


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
