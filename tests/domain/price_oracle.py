"""The prices of the 30 real models, copied by hand from their price lists.

This module shares no code with `gateway.domain.pricing`: it has a hand-written table and simple
arithmetic. A per-second cell is (text, image) if they differ.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from itertools import product

Cell = str | tuple[str, str]

# USD per second by resolution: with audio, without audio.
SECONDS: dict[str, dict[str, tuple[Cell, Cell]]] = {
    "heygen/heygen-video-1": {"480p": ("0.02", "0.02"), "768p": ("0.03", "0.03")},
    "minimax/hailuo-3-max": {"480p": ("0.05", "0.05"), "768p": ("0.08", "0.08")},
    "alibaba/wan-3.0-prime": {
        "480p": ("0.068", "0.068"),
        "720p": ("0.14", "0.14"),
        "1080p": ("0.28", "0.28"),
    },
    "alibaba/wan-3.0": {
        "480p": ("0.05", "0.05"),
        "720p": ("0.1", "0.1"),
        "1080p": ("0.2", "0.2"),
    },
    "black-forest-labs/flux-3-video": {"720p": ("0.17", "0.17"), "1080p": ("0.29", "0.29")},
    "minimax/hailuo-3": {"2K": ("0.13", "0.13")},
    "runway/gen-4.5": {"720p": ("0.12", "0.12")},
    "x-ai/grok-imagine-video-1.5": {
        "480p": ("0.08", "0.08"),
        "720p": ("0.14", "0.14"),
        "1080p": ("0.25", "0.25"),
    },
    "alibaba/happyhorse-1.1": {"720p": ("0.0988", "0.0988"), "1080p": ("0.1278", "0.1278")},
    "alibaba/happyhorse-1.0": {"720p": ("0.0988", "0.0988"), "1080p": ("0.1694", "0.1694")},
    "x-ai/grok-imagine-video": {"480p": ("0.05", "0.05"), "720p": ("0.07", "0.07")},
    "kwaivgi/kling-v3.0-pro": {"720p": ("0.168", "0.112")},
    "kwaivgi/kling-v3.0-std": {"720p": ("0.126", "0.084")},
    "google/veo-3.1-fast": {
        "720p": ("0.10", "0.08"),
        "1080p": ("0.12", "0.10"),
        "4K": ("0.30", "0.25"),
    },
    "google/veo-3.1-lite": {"720p": ("0.05", "0.03"), "1080p": ("0.08", "0.05")},
    "kwaivgi/kling-video-o1": {"720p": ("0.112", "0.112")},
    "minimax/hailuo-2.3": {"1080p": ("0.0817", "0.0817")},
    "alibaba/wan-2.7": {"720p": ("0.1", "0.1"), "1080p": ("0.1", "0.1")},
    "alibaba/wan-2.6": {
        "720p": (("0.08", "0.10"), ("0.08", "0.10")),
        "1080p": (("0.12", "0.15"), ("0.12", "0.15")),
    },
    "openai/sora-2-pro": {"720p": ("0.30", "0.30"), "1080p": ("0.50", "0.50")},
    "google/veo-3.1": {
        "720p": ("0.40", "0.20"),
        "1080p": ("0.40", "0.20"),
        "4K": ("0.60", "0.40"),
    },
}
REFERENCES = {("heygen/heygen-video-1", "480p"): "0.04", ("heygen/heygen-video-1", "768p"): "0.06"}
CONTINUATIONS = {
    ("black-forest-labs/flux-3-video", "720p"): "0.41",
    ("black-forest-labs/flux-3-video", "1080p"): "0.53",
}
PER_IMAGE = {
    "minimax/hailuo-3": "0.04",
    "x-ai/grok-imagine-video": "0.002",
    "x-ai/grok-imagine-video-1.5": "0.01",
}

# USD per million tokens by resolution: with audio, without audio, and with a video input (for input
# and output together; the input is at most as long as the model's longest output).
TOKENS: dict[str, dict[str, tuple[str, str, str | None]]] = {
    "bytedance/seedance-2.0-mini": {
        "480p": ("3.5", "3.5", "2.1"),
        "720p": ("3.5", "3.5", "2.1"),
    },
    "bytedance/seedance-2.5": {
        "480p": ("10.7", "10.7", "6.4"),
        "720p": ("10.7", "10.7", "6.4"),
    },
    "bytedance/seedance-2.0-fast": {
        "480p": ("4.2", "4.2", "2.475"),
        "720p": ("4.2", "4.2", "2.475"),
    },
    "bytedance/seedance-2.0": {
        "480p": ("7", "7", "4.3"),
        "720p": ("7", "7", "4.3"),
        "1080p": ("7.7", "7.7", "4.7"),
        "4K": ("4", "7", "2.4"),
    },
    "bytedance/seedance-1-5-pro": {
        "480p": ("2.4", "1.2", None),
        "720p": ("2.4", "1.2", None),
        "1080p": ("2.4", "1.2", None),
    },
}
LONGEST = {
    "bytedance/seedance-2.0-mini": 15,
    "bytedance/seedance-2.5": 30,
    "bytedance/seedance-2.0-fast": 15,
    "bytedance/seedance-2.0": 15,
}

# The largest picture of each resolution, in pixels, if the ratio is open: the largest listed size,
# or 16:9 plus 5 % if that is larger.
OPEN_SHAPE = {
    "bytedance/seedance-2.0-mini": {"480p": 1120 * 480, "720p": 1680 * 720},
    "bytedance/seedance-2.5": {"480p": 430_080, "720p": 967_680},
    "bytedance/seedance-2.0-fast": {"480p": 1120 * 480, "720p": 1680 * 720},
    "bytedance/seedance-2.0": {
        "480p": 1120 * 480,
        "720p": 1680 * 720,
        "1080p": 2520 * 1080,
        "4K": 5040 * 2160,
    },
    "bytedance/seedance-1-5-pro": {
        "480p": 1120 * 480,
        "720p": 1680 * 720,
        "1080p": 2520 * 1080,
    },
}
# The same if the request determines the ratio.
SQUARE = {"480p": 640 * 640, "720p": 960 * 960, "1080p": 1440 * 1440, "4K": 2880 * 2880}
WIDE = {"480p": 864 * 496, "720p": 1280 * 720, "1080p": 1920 * 1088, "4K": 3840 * 2160}

SOURCE_LENGTH = (
    "black-forest-labs/flux-video-edit",
    "heygen/avatar-iv",
    "black-forest-labs/flux-video-upscale",
    "runway/aleph-2",
)


@dataclass(frozen=True)
class Case:
    """The fields of a request that affect its price. None: left out; `shape`: 1:1, 16:9 or open."""

    model: str
    seconds: int
    resolution: str | None
    audio: bool | None
    frames: int = 0
    image_references: int = 0
    video_references: int = 0
    continues: bool = False
    shape: str | None = None


def expected_micros(case: Case) -> int:
    """Return the highest price over all values of the open fields."""
    table = SECONDS.get(case.model) or TOKENS[case.model]
    resolutions = [case.resolution] if case.resolution else list(table)
    sounds = [case.audio] if case.audio is not None else [True, False]
    usd = max(_usd(case, r, sound) for r, sound in product(resolutions, sounds))
    return int((usd * 1_000_000).to_integral_value(ROUND_CEILING))


def _usd(case: Case, resolution: str, sound: bool) -> Decimal:
    images = case.frames + case.image_references
    extra = images * Decimal(PER_IMAGE.get(case.model, "0"))
    if case.model in TOKENS:
        return _tokens_usd(case, resolution, sound) + extra
    return _rate(case, resolution, sound) * case.seconds + extra


def _rate(case: Case, resolution: str, sound: bool) -> Decimal:
    key = (case.model, resolution)
    if case.continues and key in CONTINUATIONS:
        return Decimal(CONTINUATIONS[key])
    cell = SECONDS[case.model][resolution][0 if sound else 1]
    text, image = (cell, cell) if isinstance(cell, str) else cell
    rates = [image]
    if not (case.frames or case.image_references):
        rates = [text, image] if case.video_references or case.continues else [text]
    if (case.image_references or case.video_references) and key in REFERENCES:
        rates = [*rates, REFERENCES[key]] if case.frames else [REFERENCES[key]]
    may_be_image = case.frames or case.video_references or case.continues
    if may_be_image and key in REFERENCES:  # a frame may be billed as a reference
        rates = [*rates, REFERENCES[key]]
    if case.video_references and key in CONTINUATIONS:
        rates = [*rates, CONTINUATIONS[key]]
    return max(map(Decimal, rates))


def _tokens_usd(case: Case, resolution: str, sound: bool) -> Decimal:
    loud, silent, with_video = TOKENS[case.model][resolution]
    video = bool(case.video_references or case.continues)
    open_shape = case.shape is None or case.frames or case.image_references or video
    shapes = {"1:1": SQUARE, "16:9": WIDE}
    pixels = OPEN_SHAPE[case.model] if open_shape else shapes[case.shape or ""]
    each = Decimal(pixels[resolution]) / 1024 / 1_000_000
    usd = each * (24 * case.seconds + 1) * Decimal(loud if sound else silent)
    if video and with_video:
        seconds = case.seconds + LONGEST[case.model]
        usd = max(usd, each * (24 * seconds + 1) * Decimal(with_video))
    return usd
