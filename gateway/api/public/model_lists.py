"""Lists of models as bytes, made once for each team, configuration and catalog."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.config.live import Live
from gateway.services.catalog import Catalogs
from gateway.services.submission.decide import Decider

# As OpenRouter answers (docs/openrouter-contract.md section 1); shared caches must not store
# a list that is filtered for a team.
SEEN_BY_ALL = "public, max-age=120, stale-while-revalidate=3600, stale-if-error=3600"
SEEN_BY_TEAM = SEEN_BY_ALL.replace("public", "private")

Entries = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ReadyList:
    """A list as it is sent; `etag` with its quotes."""

    body: bytes
    etag: str


class ModelLists:
    """Keeps each list until the configuration or a catalog changes."""

    def __init__(self, live: Live, catalogs: Catalogs, decider: Decider) -> None:
        """Create an empty cache."""
        self._live = live
        self._catalogs = catalogs
        self._decider = decider
        self._made: dict[tuple[str, str | None], ReadyList] = {}
        self._of: tuple[object, int, tuple[str, ...]] | None = None

    def video(self, team: str | None) -> ReadyList | None:
        """Return the video models that the team may use (None: all); None: no catalog yet."""
        return self._list("video", team, lambda entries: {"data": entries})

    def general(
        self, team: str | None, kind: str, document: Callable[[Entries], Mapping[str, Any]]
    ) -> ReadyList | None:
        """Return another document made of the models, kept under `kind`."""
        return self._list(kind, team, document)

    def _list(
        self, kind: str, team: str | None, document: Callable[[Entries], Mapping[str, Any]]
    ) -> ReadyList | None:
        of = (self._live.current, self._catalogs.generation, self._catalogs.listed_upstreams())
        if self._of != of:
            self._made.clear()
            self._of = of
        known = self._made.get((kind, team))
        if known is not None:
            return known
        listed = self._catalogs.models()
        if not listed:
            return None
        usable = listed if team is None else self._decider.usable_models(team)
        body = orjson.dumps(document([can.entry for _, can in usable]))
        made = ReadyList(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        self._made[kind, team] = made
        return made
