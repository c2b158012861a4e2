"""Checks across sections of the file: references, unique names and consistent values.

They read the plain values, not the typed ones, so that they also run when another section is
invalid: one load reports every mistake. They skip values of a wrong type, which the schema reports.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.config.mistakes import Path, path_text, suggestion


@dataclass(frozen=True, slots=True)
class Conflict:
    """An invalid value at `path`: the problem and what is allowed. `hint` may suggest a name."""

    path: Path
    value: object
    problem: str = ""
    allowed: str = ""
    hint: str = ""


def conflicts(values: Mapping[str, Any]) -> Iterator[Conflict]:
    """Yield every conflict between sections. Never raises, whatever the values are."""
    yield from _routing(values)
    yield from _listen_addresses(values)
    yield from _duplicate_names(values)
    yield from _duplicate_hashes(values)
    yield from _budgets(values)
    yield from _former_names(values)


def mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty mapping."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the mappings of a list with their positions."""
    for position, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield position, item


def _routing(values: Mapping[str, Any]) -> Iterator[Conflict]:
    upstreams, teams = mapping(values.get("upstreams")), mapping(values.get("teams"))
    for position, rule in items(values.get("routing")):
        to, when = rule.get("to"), mapping(rule.get("when"))
        if isinstance(to, str) and to not in upstreams:
            path: Path = ("routing", position, "to")
            yield Conflict(
                path, to, "unknown upstream", _choices(upstreams), suggestion(to, upstreams)
            )
        elif isinstance(to, str) and _is_true(when.get("zdr")) and not _is_zdr(upstreams[to]):
            allowed = "an upstream with `zdr: true`, because the rule has `when.zdr: true`"
            yield Conflict(("routing", position, "to"), to, allowed=allowed)
        names = when.get("teams")
        for index, team in enumerate(names if isinstance(names, list) else ()):
            if isinstance(team, str) and team not in teams:
                path = ("routing", position, "when", "teams", index)
                yield Conflict(path, team, "unknown team", _choices(teams), suggestion(team, teams))


def _listen_addresses(values: Mapping[str, Any]) -> Iterator[Conflict]:
    server = mapping(values.get("server"))
    listen = server.get("listen", "127.0.0.1:8080")
    admin = server.get("admin_listen", "127.0.0.1:8081")
    listens = listen if isinstance(listen, list) else [listen]
    if admin in listens and not str(admin).endswith(":0"):
        key = "admin_listen" if "admin_listen" in server else "listen"
        yield Conflict(("server", key), admin, "`listen` and `admin_listen` must differ")


def _former_names(values: Mapping[str, Any]) -> Iterator[Conflict]:
    """Yield former names that a team still has, or that two teams claim."""
    teams = mapping(values.get("teams"))
    taken: dict[str, str] = {}
    for name, team in teams.items():
        for former in _texts(mapping(team).get("was")):
            path: Path = ("teams", name, "was")
            if former in teams:
                yield Conflict(path, former, "a team still has this name")
            elif former in taken:
                yield Conflict(
                    path, former, f"team {taken[former]} already lists it as a former name"
                )
            taken.setdefault(former, str(name))


def _texts(value: object) -> list[str]:
    given = value if isinstance(value, list) else [value]
    return [text for text in given if isinstance(text, str)]


def _duplicate_names(values: Mapping[str, Any]) -> Iterator[Conflict]:
    yield from _unique_names(("webhooks",), values.get("webhooks"))
    yield from _unique_names(("admin", "tokens"), mapping(values.get("admin")).get("tokens"))
    for name, team in mapping(values.get("teams")).items():
        for key in ("keys", "webhooks"):
            yield from _unique_names(("teams", name, key), mapping(team).get(key))


def _unique_names(path: Path, entries: object) -> Iterator[Conflict]:
    first: dict[str, int] = {}
    for position, entry in items(entries):
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        if name in first:
            other = path_text((*path, first[name]))
            yield Conflict((*path, position, "name"), name, f"{other} has the same name")
        first.setdefault(name, position)


def _duplicate_hashes(values: Mapping[str, Any]) -> Iterator[Conflict]:
    """A key identifies one team, which pays for its requests."""
    first: dict[str, Path] = {}
    for path, digest in _all_hashes(values):
        if digest in first:
            yield Conflict(path, digest, f"{path_text(first[digest])} has the same hash")
        first.setdefault(digest, path)


def _all_hashes(values: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    lists: list[tuple[Path, object]] = [
        (("teams", name, "keys"), mapping(team).get("keys"))
        for name, team in mapping(values.get("teams")).items()
    ]
    lists.append((("admin", "tokens"), mapping(values.get("admin")).get("tokens")))
    for path, keys in lists:
        for position, key in items(keys):
            if isinstance(key.get("hash"), str):
                yield (*path, position, "hash"), key["hash"].lower()


def _budgets(values: Mapping[str, Any]) -> Iterator[Conflict]:
    """Budgets of one scope must differ in period, models or key; only a team's may name a key."""
    for position, budget in items(values.get("budgets")):
        if budget.get("key") is not None:
            path: Path = ("budgets", position, "key")
            yield Conflict(path, budget["key"], "only a team's budget may name a key")
    yield from _same_budgets(("budgets",), values.get("budgets"))
    for name, team in mapping(values.get("teams")).items():
        yield from _same_budgets(("teams", name, "budgets"), mapping(team).get("budgets"))


def _same_budgets(path: Path, budgets: object) -> Iterator[Conflict]:
    positions: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for position, budget in items(budgets):
        if not isinstance(budget.get("period"), str):
            continue
        models = budget.get("models", ["*"])
        covered = sorted(map(str, models)) if isinstance(models, list) else models
        positions[budget["period"], str(covered), str(budget.get("key"))].append(position)
    for first, *others in positions.values():
        for position in others:
            other = path_text((*path, first))
            yield Conflict((*path, position), {}, f"{other} has the same period, models and key")


def _is_zdr(upstream: object) -> bool:
    return _is_true(mapping(upstream).get("zdr"))


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _choices(names: Mapping[str, Any]) -> str:
    return ", ".join(list(names)[:20]) or "none are configured"
