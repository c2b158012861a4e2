"""Handlers of GET /videos/models and GET /models, which are public and cacheable."""

from typing import Any

from aiohttp import web

from gateway.sandbox.errors import ApiError
from gateway.sandbox.fault_injection import respond
from gateway.sandbox.responses import error_response, json_response
from gateway.sandbox.state import SandboxState

_CACHE = {"Cache-Control": "public, max-age=120, stale-while-revalidate=3600, stale-if-error=3600"}

_MODALITIES = frozenset(
    [
        *("text", "image", "embeddings", "audio", "video", "rerank", "decisions", "speech"),
        *("transcription", "all"),
    ]
)


class Models:
    """Handlers of both lists. They need no key and ignore an invalid one."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def videos(self, request: web.Request) -> web.StreamResponse:
        """List the video models with their capabilities and prices."""
        return await self._answer(request, lambda: dict(self._state.catalog.document))

    async def general(self, request: web.Request) -> web.StreamResponse:
        """List all models; it contains video models only if the query asks for them."""
        return await self._answer(request, lambda: self._page(request))

    async def _answer(self, request: web.Request, read: Any) -> web.StreamResponse:
        async def handle() -> web.StreamResponse:
            try:
                return json_response(read(), headers=_CACHE)
            except ApiError as error:
                return error_response(error)

        fault = self._state.faults.take("models")
        return await respond(request, fault, handle, self._state.clock, self._state.closing)

    def _page(self, request: web.Request) -> dict[str, Any]:
        wanted = set(request.query.get("output_modalities", "text").split(","))
        if unknown := wanted - _MODALITIES:
            raise ApiError(400, f"output_modalities: unknown {', '.join(sorted(unknown))}")
        rows = list(self._state.catalog.general_rows) if wanted & {"video", "all"} else []
        offset = _number(request, "offset", 0, 0)
        limit = _number(request, "limit", len(rows) or 1, 1)
        page = rows[offset : offset + limit]
        more = offset + limit < len(rows)
        following = request.url.update_query(offset=offset + limit, limit=limit)
        return {
            "data": page,
            "total_count": len(rows),
            "links": {"next": str(following.relative()) if more else None},
        }


def _number(request: web.Request, name: str, default: int, least: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= 1_000_000):
        raise ApiError(400, f"{name}: expected an integer of at least {least}")
    return int(text)
