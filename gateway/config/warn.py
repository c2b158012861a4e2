"""What is allowed in a configuration and still likely not meant."""

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from gateway.config.mistakes import Path, near, path_text
from gateway.config.schema import Config, Server
from gateway.config.team import BudgetConfig, SubscriberConfig
from gateway.domain.event import BILL_DISPUTED, BUDGET_THRESHOLD, ENDPOINT_DISABLED
from gateway.domain.job import Status

# The official Python SDK sends the paid request again when no answer came for 5 s
# (docs/architecture.md).
_SDK_PATIENCE = timedelta(seconds=5)

# A pattern that fits none of these is most likely a typo.
EVENTS = (
    *(f"video.generation.{status}" for status in Status if status.terminal),
    BUDGET_THRESHOLD,
    BILL_DISPUTED,
    ENDPOINT_DISABLED,
)


def warnings(config: Config) -> tuple[str, ...]:
    """Sentences that begin with the path they are about; no value that may be secret."""
    return tuple(
        f"{path_text(path)}: {words}"
        for check in (_server, _upstreams, _routing, _zdr, _keys, _events)
        for path, words in check(config)
    )


_Found = Iterator[tuple[Path, str]]


def _server(config: Config) -> _Found:
    server, default = config.server, Server()
    if server.answer_within >= _SDK_PATIENCE:
        yield (
            ("server", "answer_within"),
            "5 s or more: the official Python SDK has given up by then and sends the request again",
        )
    if server.public_url == default.public_url and server.listen != default.listen:
        yield (
            ("server", "public_url"),
            f"is {default.public_url}, but `listen` is {server.listen}: clients get wrong URLs",
        )


def _upstreams(config: Config) -> _Found:
    for name, upstream in config.upstreams.items():
        parts = urlsplit(upstream.base_url)
        if parts.scheme == "http" and not is_local(parts.hostname or ""):
            yield (
                ("upstreams", name, "base_url"),
                (
                    "http:// to a host that is not local: the API key travels unencrypted, and"
                    " where the host redirects to https every submit is refused; write https://"
                ),
            )


def is_local(host: str) -> bool:
    """Return whether a host is this machine or in a private network, by its name or address."""
    if host == "localhost" or "." not in host or host.endswith(_LOCAL_NAMES):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private


_LOCAL_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".svc", ".cluster.local")


def _routing(config: Config) -> _Found:
    used = {rule.to for rule in config.routing}
    for name in config.upstreams:
        if name not in used:
            yield ("upstreams", name), "no rule of `routing` leads here: it gets no requests"


def _zdr(config: Config) -> _Found:
    if any(config.upstreams[rule.to].zdr for rule in config.routing):
        return
    for name, team in config.teams.items():
        if team.zdr == "require":
            yield (
                ("teams", name, "zdr"),
                "require, but no routed upstream has `zdr: true`: all its requests will be refused",
            )


def _keys(config: Config) -> _Found:
    """A key may be made later by `keys create`, so an unknown name is no mistake."""
    for team_name, team in config.teams.items():
        known = [key.name for key in team.keys]
        for position, budget in enumerate(team.budgets):
            if budget.key is not None and budget.key not in known:
                hint = _hint(budget, known)
                yield (
                    ("teams", team_name, "budgets", position, "key"),
                    f"no such key in this file{hint}: counts nothing until `keys create` makes it",
                )


def _hint(budget: BudgetConfig, known: list[str]) -> str:
    hint = near(budget.key or "", known)
    return f" ({hint})" if hint else ""


def _events(config: Config) -> _Found:
    yield from _unheard(("webhooks",), config.webhooks)
    for name, team in config.teams.items():
        yield from _unheard(("teams", name, "webhooks"), team.webhooks)


def _unheard(path: Path, subscribers: tuple[SubscriberConfig, ...]) -> _Found:
    for position, subscriber in enumerate(subscribers):
        for place, pattern in enumerate(subscriber.events):
            if not any(fnmatchcase(event, pattern) for event in EVENTS):
                words = f"fits no event; there are {', '.join(EVENTS)}"
                yield (*path, position, "events", place), words
