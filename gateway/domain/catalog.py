"""The catalog: models by id and slug, and the differences between two catalogs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import Any, Literal

from gateway.domain.capability import Capabilities, NumberRange, parse_capabilities


@dataclass(frozen=True, slots=True)
class Catalog:
    """Models by id, in the order in which the upstream lists them."""

    models: Mapping[str, Capabilities]
    problems: tuple[str, ...] = ()
    """Why entries were left out, for operators."""
    _by_slug: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def get(self, model: str) -> Capabilities | None:
        """Return the model with this id, or else with this canonical slug."""
        return self.models.get(model) or self.models.get(self._by_slug.get(model, ""))

    def near(self, model: str) -> tuple[str, ...]:
        """Return up to three ids that resemble `model`, best first."""
        asked = model.strip().lower()[:_LONGEST_GUESS]
        scored = sorted((-_likeness(asked, known.lower()), known) for known in self.models)
        return tuple(known for score, known in scored[:3] if -score >= _ALIKE)


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """One difference between two catalogs. `before` and `after` are plain JSON values."""

    kind: Literal["added", "removed", "price", "capability"]
    model: str
    field: str = ""
    before: Any = None
    after: Any = None


def parse_catalog(data: Sequence[Any]) -> Catalog:
    """Parse the `data` of GET /videos/models. An unreadable entry is reported and left out.

    Raises:
        ValueError: `data` is not a list.

    """
    if not isinstance(data, list | tuple):
        raise ValueError(f"the catalog must be a list of models, not {type(data).__name__}")
    models: dict[str, Capabilities] = {}
    slugs: dict[str, str] = {}
    problems = []
    for index, raw in enumerate(data):
        try:
            model = parse_capabilities(raw)
        except ValueError as error:
            problems.append(f"data[{index}]: {error}")
            continue
        if model.id in models:
            problems.append(f"data[{index}]: {model.id} is listed twice; the first is kept")
            continue
        models[model.id] = model
        slugs.setdefault(model.canonical_slug, model.id)
    return Catalog(MappingProxyType(models), tuple(problems), MappingProxyType(slugs))


def changes(old: Catalog, new: Catalog) -> tuple[CatalogChange, ...]:
    """Return the differences that operators care about, model by model.

    Another order of a list is not a difference, nor is `0.1120` instead of `0.112`.
    """
    return tuple(
        change
        for model in sorted({*old.models, *new.models})
        for change in _model_changes(model, old.models.get(model), new.models.get(model))
    )


def _model_changes(
    model: str, before: Capabilities | None, after: Capabilities | None
) -> Iterator[CatalogChange]:
    if after is None:
        yield CatalogChange("removed", model)
    elif before is None:
        yield CatalogChange("added", model)
    else:
        yield from _price_changes(before, after)
        yield from _capability_changes(before, after)


def _price_changes(before: Capabilities, after: Capabilities) -> Iterator[CatalogChange]:
    keys = {*before.prices, *before.unreadable_prices, *after.prices, *after.unreadable_prices}
    for key in sorted(keys):
        was, now = before.prices.get(key), after.prices.get(key)
        unread = key in before.unreadable_prices, key in after.unreadable_prices
        if was != now or unread[0] != unread[1]:
            texts = [_price_text(before, key), _price_text(after, key)]
            yield CatalogChange("price", after.id, f"pricing_skus.{key}", *texts)


def _price_text(model: Capabilities, key: str) -> str | None:
    if key in model.unreadable_prices:
        return "unreadable"
    return format(model.prices[key], "f") if key in model.prices else None


def _capability_changes(before: Capabilities, after: Capabilities) -> Iterator[CatalogChange]:
    for name, wire in _CAPABILITY_FIELDS:
        was, now = getattr(before, name), getattr(after, name)
        same = set(was) == set(now) if _both_lists(was, now) else was == now
        if not same:
            yield CatalogChange("capability", after.id, wire, _plain(was), _plain(now))


def _both_lists(was: Any, now: Any) -> bool:
    return isinstance(was, tuple) and isinstance(now, tuple)


def _plain(value: Any) -> Any:
    if isinstance(value, NumberRange):
        return {"min": _bound(value.low), "max": _bound(value.high)}
    return list(value) if isinstance(value, tuple) else value


def _bound(value: Any) -> str | None:
    return None if value is None else format(value, "f")


_CAPABILITY_FIELDS = (
    ("canonical_slug", "canonical_slug"),
    ("resolutions", "supported_resolutions"),
    ("aspect_ratios", "supported_aspect_ratios"),
    ("sizes", "supported_sizes"),
    ("durations", "supported_durations"),
    ("frame_images", "supported_frame_images"),
    ("upscale_factor", "upscale_factor"),
    ("creativity", "creativity"),
    ("generate_audio", "generate_audio"),
    ("seed", "seed"),
    ("passthrough", "allowed_passthrough_parameters"),
)
"""The gateway's field name, and the catalog's, which operators know."""


def _likeness(asked: str, known: str) -> float:
    """Return a similarity from 0 to 1 of the whole ids or of the parts after the author."""
    author, _, name = known.rpartition("/")
    _, _, asked_name = asked.rpartition("/")
    whole = SequenceMatcher(None, asked, known).ratio()
    part = SequenceMatcher(None, asked_name, name).ratio() if asked_name else 0.0
    contained = 0.9 if len(asked_name) >= 3 and asked_name in name else 0.0
    return max(whole, part, contained) + (0.01 if author and asked.startswith(author) else 0.0)


_ALIKE = 0.6
_LONGEST_GUESS = 100
"""Characters of a client's model name that are compared: the comparison is quadratic."""
