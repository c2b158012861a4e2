"""Warnings about valid settings that are probably unintended."""

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from gateway.config.mistakes import Path, path_text, suggestion
from gateway.config.schema import Config, Server
from gateway.config.team import BudgetConfig, SubscriberConfig
from gateway.domain.event import BILL_DISPUTED, BUDGET_THRESHOLD, ENDPOINT_DISABLED
from gateway.domain.job import Status

# The official Python SDK sends the paid request again if no answer arrives within 5 s
# (docs/architecture.md).
_SDK_TIMEOUT = timedelta(seconds=5)

# A pattern that matches no event is probably a typo.
EVENTS = (
    *(f"video.generation.{status}" for status in Status if status.terminal),
    BUDGET_THRESHOLD,
    BILL_DISPUTED,
    ENDPOINT_DISABLED,
)


def warnings(config: Config) -> tuple[str, ...]:
    """Return one line per warning, starting with the path and without secrets."""
    return tuple(
        f"{path_text(path)}: {message}"
        for check in (_server, _upstreams, _routing, _zdr, _keys, _events)
        for path, message in check(config)
    )


_Warnings = Iterator[tuple[Path, str]]


def _server(config: Config) -> _Warnings:
    server, default = config.server, Server()
    if server.answer_within >= _SDK_TIMEOUT:
        yield (
            ("server", "answer_within"),
            "5 s or more: the official Python SDK times out after 5 s and sends the request again",
        )
    if server.public_url == default.public_url and server.listen != default.listen:
        listens = ", ".join(str(one) for one in server.listen)
        yield (
            ("server", "public_url"),
            f"is {default.public_url}, but `listen` is {listens}: clients get wrong URLs",
        )


def _upstreams(config: Config) -> _Warnings:
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


def _routing(config: Config) -> _Warnings:
    used = {rule.to for rule in config.routing}
    for name in config.upstreams:
        if name not in used:
            yield (
                ("upstreams", name),
                "no rule of `routing` uses this upstream: it gets no requests",
            )


def _zdr(config: Config) -> _Warnings:
    if any(config.upstreams[rule.to].zdr for rule in config.routing):
        return
    for name, team in config.teams.items():
        if team.zdr == "require":
            yield (
                ("teams", name, "zdr"),
                "require, but no routed upstream has `zdr: true`: all its requests are rejected",
            )


def _keys(config: Config) -> _Warnings:
    """An unknown key is only a warning: `keys create` can create it later."""
    for team_name, team in config.teams.items():
        known = [key.name for key in team.keys]
        for position, budget in enumerate(team.budgets):
            if budget.key is not None and budget.key not in known:
                hint = _hint(budget, known)
                yield (
                    ("teams", team_name, "budgets", position, "key"),
                    f"the file has no such key{hint}: counts nothing until `keys create` adds it",
                )


def _hint(budget: BudgetConfig, known: list[str]) -> str:
    hint = suggestion(budget.key or "", known)
    return f" ({hint})" if hint else ""


def _events(config: Config) -> _Warnings:
    yield from _unknown_events(("webhooks",), config.webhooks)
    for name, team in config.teams.items():
        yield from _unknown_events(("teams", name, "webhooks"), team.webhooks)


def _unknown_events(path: Path, subscribers: tuple[SubscriberConfig, ...]) -> _Warnings:
    for position, subscriber in enumerate(subscribers):
        for index, pattern in enumerate(subscriber.events):
            if not any(fnmatchcase(event, pattern) for event in EVENTS):
                message = f"matches no event; the events are {', '.join(EVENTS)}"
                yield (*path, position, "events", index), message
