"""The values of labels: words of the code or the configuration, and `other`.

With a label value of its own choice a client could create any number of series. Every label
therefore has a vocabulary, and all other values become `other`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from gateway.domain.errors import Reason
from gateway.domain.job import Status

OTHER: Final = "other"

Learned = Literal["team", "upstream", "model", "route", "endpoint"]
"""Vocabularies that come from configuration, routes and the catalog while the gateway runs."""

MODEL_LIMIT: Final = 500
"""Models over the process's life: the one vocabulary that another party writes. The real catalog
has 30; an upstream that lists thousands must not fill our memory."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label and its vocabulary.

    `words`: fixed words, or the name of a learned vocabulary, or None if the value comes from the
    configuration and not from requests; `source` then describes it.
    """

    name: str
    words: frozenset[str] | Learned | None
    source: str = ""

    def explained(self) -> str:
        """Return the values, for the documentation."""
        if self.words is None:
            return self.source
        if isinstance(self.words, str):
            return _SOURCES[self.words]
        return ", ".join(f"`{word}`" for word in sorted(self.words))


_SOURCES: Final[dict[Learned, str]] = {
    "team": "teams of the configuration",
    "upstream": "upstreams of the configuration",
    "model": "models of the catalog",
    "route": "the gateway's route patterns",
    "endpoint": "subscribers of the configuration; `callback` for every `callback_url`",
}


def fixed(name: str, *words: str) -> Label:
    """Return a label with fixed values."""
    return Label(name, frozenset(words))


TEAM: Final = Label("team", "team")
UPSTREAM: Final = Label("upstream", "upstream")
MODEL: Final = Label("model", "model")
ROUTE: Final = Label("route", "route")
ENDPOINT: Final = Label("endpoint", "endpoint")

METHOD: Final = fixed("method", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STATUS_CLASS: Final = fixed("status", "1xx", "2xx", "3xx", "4xx", "5xx")
REASON: Final = fixed(
    "reason", "accepted", "dry_run", "upstream_refused", *(r.value for r in Reason)
)
OPEN_STATUS: Final = fixed("status", *(s.value for s in Status if not s.terminal))
END_STATUS: Final = fixed("status", *(s.value for s in Status if s.terminal))


@dataclass(slots=True)
class Vocabulary:
    """The learned words of one `Metrics`, in sets that are replaced, never changed (threads)."""

    _words: dict[Learned, frozenset[str]] = field(default_factory=dict)

    def learn(self, vocabulary: Learned, words: Iterable[str]) -> frozenset[str]:
        """Add words, at most `MODEL_LIMIT` models; return the new ones."""
        known = self.learned(vocabulary)
        fresh = [word for word in dict.fromkeys(words) if word not in known]
        if vocabulary == "model":
            fresh = fresh[: MODEL_LIMIT - len(known)]
        self._words[vocabulary] = known.union(fresh)
        return frozenset(fresh)

    def learned(self, vocabulary: Learned) -> frozenset[str]:
        """Return every learned word."""
        return self._words.get(vocabulary, frozenset())

    def known(self, label: Label) -> frozenset[str]:
        """Return every value of the label except `other`."""
        words = label.words
        return self.learned(words) if isinstance(words, str) else words or frozenset()

    def say(self, label: Label, value: str) -> str:
        """Return the value if it is known, otherwise `other`."""
        if label.words is None:
            return value
        return str(value) if value in self.known(label) else OTHER
