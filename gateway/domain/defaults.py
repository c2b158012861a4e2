"""A team's defaults: values for what a request leaves open, so that a policy need not refuse it.

Where a request leaves its duration open, the upstream chooses it, so policy and price must count
the longest that the model offers. A default makes such a request definite.
"""

from dataclasses import dataclass, replace
from typing import Any

from gateway.domain.capability import Capabilities
from gateway.domain.interpretations import hidden_fields
from gateway.domain.resolution import lines
from gateway.domain.video import VideoRequest


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is filled in. None: nothing."""

    duration: int | None = None
    """Seconds."""
    resolution: str | None = None


def with_defaults(
    request: VideoRequest, defaults: Defaults, model: Capabilities
) -> tuple[VideoRequest, tuple[str, ...]]:
    """Return the request with the defaults, and what was filled in, like `duration=8`.

    The largest value that the model offers, up to the default, is filled in, and none if it offers
    none. What the request says itself, also in provider parameters, stays; null says nothing.
    """
    if defaults == Defaults():
        return request, ()
    hidden = {field for field, _ in hidden_fields(request.provider_options)}
    filled: dict[str, Any] = {}
    duration = _duration(request, defaults, model, hidden)
    if duration is not None:
        filled["duration"] = duration
    resolution = _resolution(request, defaults, model, hidden)
    if resolution is not None:
        filled["resolution"] = resolution
    if not filled:
        return request, ()
    changed = replace(request, body={**request.body, **filled}, **filled)
    return changed, tuple(f"{name}={value}" for name, value in filled.items())


def _duration(
    request: VideoRequest, defaults: Defaults, model: Capabilities, hidden: set[str]
) -> int | None:
    if request.duration is not None or defaults.duration is None or "duration" in hidden:
        return None
    offered = [each for each in model.durations or () if each <= defaults.duration]
    return max(offered, default=None)


def _resolution(
    request: VideoRequest, defaults: Defaults, model: Capabilities, hidden: set[str]
) -> str | None:
    most = None if defaults.resolution is None else lines(defaults.resolution)
    if most is None or hidden & {"resolution", "size"}:
        return None
    if request.resolution is not None or request.size is not None:
        return None
    offered = [(high, each) for each in model.resolutions or () if (high := lines(each))]
    return max((each for each in offered if each[0] <= most), default=(0, None))[1]
