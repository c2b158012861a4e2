"""GET /videos/models and GET /models: the catalog, public, cacheable."""

from typing import Any

from aiohttp import web

from gateway.sandbox.answers import error_answer, json_answer
from gateway.sandbox.errors import ApiError
from gateway.sandbox.spoil import spoilt
from gateway.sandbox.world import World

_CACHE = {"Cache-Control": "public, max-age=120, stale-while-revalidate=3600, stale-if-error=3600"}

_MODALITIES = frozenset(
    [
        *("text", "image", "embeddings", "audio", "video", "rerank", "decisions", "speech"),
        *("transcription", "all"),
    ]
)


class Models:
    """Handlers of both lists. They need no key and ignore a bad one."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def videos(self, request: web.Request) -> web.StreamResponse:
        """What each video model can do, and costs."""
        return await self._answer(request, lambda: dict(self._world.catalog.document))

    async def general(self, request: web.Request) -> web.StreamResponse:
        """The general list; video models are in it only where they are asked for."""
        return await self._answer(request, lambda: self._page(request))

    async def _answer(self, request: web.Request, read: Any) -> web.StreamResponse:
        async def act() -> web.StreamResponse:
            try:
                return json_answer(read(), headers=_CACHE)
            except ApiError as error:
                return error_answer(error)

        fault = self._world.faults.take("models")
        return await spoilt(request, fault, act, self._world.clock, self._world.closing)

    def _page(self, request: web.Request) -> dict[str, Any]:
        wanted = set(request.query.get("output_modalities", "text").split(","))
        if unknown := wanted - _MODALITIES:
            raise ApiError(400, f"output_modalities: unknown {', '.join(sorted(unknown))}")
        rows = list(self._world.catalog.general_rows) if wanted & {"video", "all"} else []
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


def _number(request: web.Request, name: str, usual: int, least: int) -> int:
    text = request.query.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= 1_000_000):
        raise ApiError(400, f"{name}: expected an integer of at least {least}")
    return int(text)
