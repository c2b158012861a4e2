"""GET /api/v1/videos/models and GET /api/v1/models?output_modalities=video."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.api.public.access import principal
from gateway.api.public.model_lists import SEEN_BY_ALL, SEEN_BY_TEAM, Entries, ReadyList
from gateway.api.public.parts import PARTS
from gateway.domain.errors import Reason, Refused


async def video_models(request: web.Request) -> web.Response:
    """Return the catalog with prices; with a key, only the models that its team may use."""
    team = _team(request)
    return _listing(request, team, request.app[PARTS].model_lists.video(team))


async def models(request: web.Request) -> web.Response:
    """Return the general list, of which this gateway has the video models."""
    kind = "general" if _wants_videos(request) else "none"
    team = _team(request)
    document = _general if kind == "general" else _without_rows
    return _listing(request, team, request.app[PARTS].model_lists.general(team, kind, document))


async def models_count(request: web.Request) -> web.Response:
    """Return the number of models in the general list."""
    kind = "count" if _wants_videos(request) else "count of none"
    team = _team(request)
    document = _count if kind == "count" else _count_of_none
    return _listing(request, team, request.app[PARTS].model_lists.general(team, kind, document))


def _wants_videos(request: web.Request) -> bool:
    wanted = request.query.get("output_modalities", "text").split(",")
    return bool({"video", "all"} & set(wanted))


def _count(entries: Entries) -> dict[str, Any]:
    return {"data": {"count": len(entries)}}


def _count_of_none(_entries: Entries) -> dict[str, Any]:
    return _count(())


def _without_rows(_entries: Entries) -> dict[str, Any]:
    return _general(())


def _general(entries: Entries) -> dict[str, Any]:
    rows = [_row(entry) for entry in entries]
    return {"data": rows, "total_count": len(rows), "links": {"next": None}}


def _team(request: web.Request) -> str | None:
    """Return the team whose list is requested; no key is needed, but a wrong one is refused.

    Raises:
        Refused: INVALID_KEY, REVOKED_KEY. OpenRouter ignores a bad key here, but clients list
            models to check their key.

    """
    return principal(request).team if "Authorization" in request.headers else None


def _row(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return a video model as an entry of the general list, without price and context.

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
        "default_parameters": None,
        "supported_voices": None,
        "links": {"details": f"/api/v1/models/{model.get('id')}/endpoints"},
    }


def _listing(request: web.Request, team: str | None, ready: ReadyList | None) -> web.Response:
    if ready is None:
        raise Refused(
            Reason.NOT_READY, "The catalog of models is not loaded yet; try again.", retry_after=5
        )
    response = web.Response(body=ready.body, content_type="application/json")
    if any(match.value in (ready.etag.strip('"'), "*") for match in request.if_none_match or ()):
        response = web.Response(status=304)
    response.headers["ETag"] = ready.etag
    response.headers["Cache-Control"] = SEEN_BY_ALL if team is None else SEEN_BY_TEAM
    response.headers["Vary"] = "Authorization"
    return response
