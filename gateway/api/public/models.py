"""GET /api/v1/videos/models and GET /api/v1/models?output_modalities=video."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from gateway.api.public.access import principal
from gateway.api.public.parts import PARTS
from gateway.domain.errors import Reason, Refused

# As the real service answers (docs/openrouter-contract.md section 1); what is filtered for a team
# is not for a cache that others share.
_SEEN_BY_ALL = "public, max-age=120, stale-while-revalidate=3600, stale-if-error=3600"
_SEEN_BY_TEAM = _SEEN_BY_ALL.replace("public", "private")


async def video_models(request: web.Request) -> web.Response:
    """The catalog: what can be asked for, and its prices; with a key, what its team may use."""
    return _listing(request, {"data": _models(request)})


async def models(request: web.Request) -> web.Response:
    """The general list, of which this gateway has the video part."""
    wanted = request.query.get("output_modalities", "text").split(",")
    rows = [_row(m) for m in _models(request)] if {"video", "all"} & set(wanted) else []
    return _listing(request, {"data": rows, "total_count": len(rows), "links": {"next": None}})


def _models(request: web.Request) -> list[Mapping[str, Any]]:
    parts = request.app[PARTS]
    if not parts.catalogs.models():
        raise Refused(
            Reason.NOT_READY, "The catalog of models is not loaded yet; try again.", retry_after=5
        )
    team = _team(request)
    usable = parts.catalogs.models() if team is None else parts.decider.usable_models(team)
    return [can.entry for _, can in usable]


def _team(request: web.Request) -> str | None:
    """Whose list it is. The real catalog needs no key and ignores a bad one; so does this."""
    try:
        return principal(request).team
    except Refused:
        return None


def _row(model: Mapping[str, Any]) -> dict[str, Any]:
    """A video model as the general list shows it: no price, no context.

    See docs/openrouter-contract.md section 5.
    """
    frames = model.get("supported_frame_images")
    inputs = ["text", "image"] if frames else ["text"]
    return {
        "id": model.get("id"),
        "canonical_slug": model.get("canonical_slug"),
        "hugging_face_id": model.get("hugging_face_id"),
        "name": model.get("name"),
        "created": model.get("created"),
        "description": model.get("description", ""),
        "context_length": 0,
        "architecture": {
            "modality": f"{'+'.join(inputs)}->video",
            "input_modalities": inputs,
            "output_modalities": ["video"],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": {"prompt": "0", "completion": "0"},
        "top_provider": {
            "context_length": None,
            "max_completion_tokens": None,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": [],
    }


def _listing(request: web.Request, body: Mapping[str, Any]) -> web.Response:
    text = orjson.dumps(body)
    tag = hashlib.sha256(text).hexdigest()[:32]
    response = web.Response(body=text, content_type="application/json")
    if any(match.value in (tag, "*") for match in request.if_none_match or ()):
        response = web.Response(status=304)
    response.etag = tag
    whole = _team(request) is None
    response.headers["Cache-Control"] = _SEEN_BY_ALL if whole else _SEEN_BY_TEAM
    response.headers["Vary"] = "Authorization"
    return response
