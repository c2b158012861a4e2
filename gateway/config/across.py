"""The rules between parts of the file: names that must exist, be unique, or fit together.

They look at the plain values, not at the typed ones, so that they speak also where another part is
wrong: every mistake is told at once. What has the wrong shape is skipped here; the schema tells it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.config.mistakes import Path, near, path_text


@dataclass(frozen=True, slots=True)
class Conflict:
    """What does not fit: the value at `path`, why, or what would. `hint` may repeat names."""

    path: Path
    value: object
    problem: str = ""
    allowed: str = ""
    hint: str = ""


def conflicts(values: Mapping[str, Any]) -> Iterator[Conflict]:
    """Every conflict between parts. Raises nothing, whatever the values are."""
    yield from _routing(values)
    yield from _same_address(values)
    yield from _names(values)
    yield from _hashes(values)
    yield from _budgets(values)
    yield from _former_names(values)


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The mappings of a list, with their positions."""
    for position, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield position, item


def _routing(values: Mapping[str, Any]) -> Iterator[Conflict]:
    upstreams, teams = mapping(values.get("upstreams")), mapping(values.get("teams"))
    for position, rule in items(values.get("routing")):
        to, when = rule.get("to"), mapping(rule.get("when"))
        if isinstance(to, str) and to not in upstreams:
            path: Path = ("routing", position, "to")
            yield Conflict(path, to, "no such upstream", _choices(upstreams), near(to, upstreams))
        elif isinstance(to, str) and _is_true(when.get("zdr")) and not _is_zdr(upstreams[to]):
            words = "an upstream with `zdr: true`, since the rule is for requests that need ZDR"
            yield Conflict(("routing", position, "to"), to, allowed=words)
        named = when.get("teams")
        for place, team in enumerate(named if isinstance(named, list) else ()):
            if isinstance(team, str) and team not in teams:
                path = ("routing", position, "when", "teams", place)
                yield Conflict(path, team, "no such team", _choices(teams), near(team, teams))


def _same_address(values: Mapping[str, Any]) -> Iterator[Conflict]:
    server = mapping(values.get("server"))
    listen = server.get("listen", "127.0.0.1:8080")
    admin = server.get("admin_listen", "127.0.0.1:8081")
    if isinstance(listen, str) and listen == admin and not listen.endswith(":0"):
        where = "admin_listen" if "admin_listen" in server else "listen"
        yield Conflict(("server", where), admin, "the same address for teams and operators")


def _former_names(values: Mapping[str, Any]) -> Iterator[Conflict]:
    """A name is the former name of one team at most, and not of one that there still is."""
    teams = mapping(values.get("teams"))
    taken: dict[str, str] = {}
    for name, team in teams.items():
        for former in _texts(mapping(team).get("was")):
            path: Path = ("teams", name, "was")
            if former in teams:
                yield Conflict(path, former, "there still is a team of that name")
            elif former in taken:
                yield Conflict(path, former, f"team {taken[former]} has it as its former name")
            taken.setdefault(former, str(name))


def _texts(value: object) -> list[str]:
    given = value if isinstance(value, list) else [value]
    return [text for text in given if isinstance(text, str)]


def _names(values: Mapping[str, Any]) -> Iterator[Conflict]:
    yield from _unique_names(("webhooks",), values.get("webhooks"))
    yield from _unique_names(("admin", "tokens"), mapping(values.get("admin")).get("tokens"))
    for name, team in mapping(values.get("teams")).items():
        for what in ("keys", "webhooks"):
            yield from _unique_names(("teams", name, what), mapping(team).get(what))


def _unique_names(path: Path, things: object) -> Iterator[Conflict]:
    first: dict[str, int] = {}
    for position, thing in items(things):
        name = thing.get("name")
        if not isinstance(name, str):
            continue
        if name in first:
            where = path_text((*path, first[name]))
            yield Conflict((*path, position, "name"), name, f"{where} has this name already")
        first.setdefault(name, position)


def _hashes(values: Mapping[str, Any]) -> Iterator[Conflict]:
    """A key belongs to one team: were it in two, nobody could say who pays."""
    first: dict[str, Path] = {}
    for path, digest in _all_hashes(values):
        if digest in first:
            yield Conflict(path, digest, f"the same key as {path_text(first[digest])}")
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
    """Budgets of one scope differ in period, models or key; and only a team's may name a key."""
    for position, budget in items(values.get("budgets")):
        if budget.get("key") is not None:
            path: Path = ("budgets", position, "key")
            yield Conflict(path, budget["key"], "only a team's budget may name a key")
    yield from _same_budgets(("budgets",), values.get("budgets"))
    for name, team in mapping(values.get("teams")).items():
        yield from _same_budgets(("teams", name, "budgets"), mapping(team).get("budgets"))


def _same_budgets(path: Path, budgets: object) -> Iterator[Conflict]:
    places: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for position, budget in items(budgets):
        if not isinstance(budget.get("period"), str):
            continue
        models = budget.get("models", ["*"])
        covered = sorted(map(str, models)) if isinstance(models, list) else models
        places[budget["period"], str(covered), str(budget.get("key"))].append(position)
    for first, *others in places.values():
        for position in others:
            where = path_text((*path, first))
            yield Conflict((*path, position), {}, f"the same period, models and key as {where}")


def _is_zdr(upstream: object) -> bool:
    return _is_true(mapping(upstream).get("zdr"))


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _choices(names: Mapping[str, Any]) -> str:
    return ", ".join(list(names)[:20]) or "none is configured"
