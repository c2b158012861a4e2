"""GET /api/v1/videos/models and GET /api/v1/models?output_modalities=video."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from gateway.api.keys import PARTS
from gateway.domain.errors import Reason, Refused

# As the real service answers (CONTRACT.md section 1).
_CACHING = {
    "Cache-Control": "public, max-age=120, stale-while-revalidate=3600, stale-if-error=3600"
}


async def video_models(request: web.Request) -> web.Response:
    """The catalog: what can be asked for, and its prices."""
    return _listing({"data": _models(request)})


async def models(request: web.Request) -> web.Response:
    """The general list, of which this gateway has the video part."""
    wanted = request.query.get("output_modalities", "text").split(",")
    rows = [_row(m) for m in _models(request)] if {"video", "all"} & set(wanted) else []
    return _listing({"data": rows, "total_count": len(rows), "links": {"next": None}})


def _models(request: web.Request) -> list[Mapping[str, Any]]:
    found = [can.entry for _, can in request.app[PARTS].catalogs.models()]
    if not found:
        raise Refused(
            Reason.NOT_READY, "The catalog of models is not loaded yet; try again.", retry_after=5
        )
    return found


def _row(model: Mapping[str, Any]) -> dict[str, Any]:
    """A video model as the general list shows it (CONTRACT.md section 5): no price, no context."""
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


def _listing(body: Mapping[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(body), headers=_CACHING, content_type="application/json")
