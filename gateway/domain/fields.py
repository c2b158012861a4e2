"""Top-level fields of a video request that are not in the contract.

The gateway forwards most of them, because the API grows. It refuses two kinds: a field that looks
like a misnamed known one, because the client would pay for a video without it, and a field that
multiplies the price or selects another model than the one that was checked.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from gateway.domain.violation import Violation, shown

_SHOWN = 64  # characters of a client's field name that a response repeats
_MOST = 20  # names that a response lists

_NEAR: Mapping[str, str] = {
    **dict.fromkeys(
        ("image", "images", "imageurl", "imageurls", "inputimage", "initimage", "startimage",
         "endimage", "firstframe", "lastframe", "firstframeimage", "lastframeimage", "frames",
         "keyframes", "imagetail"),
        "frame_images",
    ),
    **dict.fromkeys(
        ("video", "videos", "videourl", "inputvideo", "audiourl", "inputaudio", "references",
         "reference", "referenceimage", "referenceimages", "referencevideo", "referencevideos",
         "inputs", "inputreference"),
        "input_references",
    ),
    **dict.fromkeys(
        ("seconds", "length", "durationseconds", "durationsecs", "durationinseconds",
         "durationms", "numseconds", "videolength", "videoduration", "numframes"),
        "duration",
    ),
    **dict.fromkeys(("aspect", "ratio"), "aspect_ratio"),
    **dict.fromkeys(("quality", "videoresolution", "outputresolution", "res"), "resolution"),
    **dict.fromkeys(("width", "height", "dimensions", "videosize"), "size"),
    **dict.fromkeys(
        ("audio", "sound", "withaudio", "enableaudio", "includeaudio"), "generate_audio"
    ),
    **dict.fromkeys(("text", "input", "promptt", "message", "messages"), "prompt"),
    **dict.fromkeys(("webhook", "webhookurl", "callback", "notifyurl"), "callback_url"),
    **dict.fromkeys(("previousid", "remixid", "videoid", "extendfrom"), "previous_job_id"),
    **dict.fromkeys(("provideroptions", "providers"), "provider"),
    **dict.fromkeys(("upscale", "scale"), "upscale_factor"),
}  # fmt: skip
"""Names in other video APIs, in lower case without underscores and hyphens -> names in this API."""

_SEVERAL = frozenset(
    ("n", "count", "samplecount", "numsamples", "numvideos", "numberofvideos", "numoutputs",
     "videocount", "batchsize", "batch", "outputcount", "variants")
)  # fmt: skip
_ELSEWHERE: Mapping[str, str] = {
    "models": "name one model in `model`; the gateway checks and prices exactly that one",
    "route": "leave it out; the gateway's routing decides",
    "fallbacks": "leave it out; the gateway checks and prices exactly one model",
    "preset": "leave it out and set the fields directly; the gateway can't price a preset",
}


def unknown_fields(body: Mapping[str, Any], known: frozenset[str]) -> tuple[str, ...]:
    """Return the names of fields that are forwarded unchecked, shortened, at most 20 of them."""
    return tuple(sorted(_printable(name) for name in body.keys() - known)[:_MOST])


def misnamed(body: Mapping[str, Any], known: frozenset[str]) -> Iterator[Violation]:
    """Yield a violation for each unknown field that is misnamed or unsupported."""
    spelled = {plain(name): name for name in known}
    unknown = [name for name in sorted(body.keys() - known) if body[name] is not None]
    for position, name in enumerate(unknown):
        yield from _violation(name, body[name], spelled, guess=position < _GUESSES)


def plain(name: str) -> str:
    """Return a field's name in lower case without underscores, hyphens and spaces."""
    return name[:_SHOWN].lower().replace("_", "").replace("-", "").replace(" ", "")


def _violation(
    name: str, value: Any, spelled: Mapping[str, str], *, guess: bool
) -> Iterator[Violation]:
    bare, where = plain(name), _printable(name)
    if bare in _SEVERAL:
        if value != 1 or value is True:
            yield Violation(
                where,
                shown(value),
                1,
                f"{where} is {shown(value)}; allowed: 1. The gateway generates one video per"
                " request; send several requests",
            )
        return
    if bare in _ELSEWHERE:
        yield Violation(
            where, shown(value), "to be left out", f"{where} is not supported: {_ELSEWHERE[bare]}"
        )
        return
    meant = _NEAR.get(bare) or spelled.get(bare) or (_close(bare, spelled) if guess else None)
    if meant is not None:
        yield Violation(
            where,
            shown(value),
            f"the field {meant}",
            f"{where} is not a field of this API; did you mean {meant}?",
            meant,
        )


def _close(bare: str, spelled: Mapping[str, str]) -> str | None:
    """Return the known field that a misspelling resembles; short names are too ambiguous."""
    if len(bare) < _GUESSED:
        return None
    close = get_close_matches(bare, spelled, n=1, cutoff=0.86)
    return spelled[close[0]] if close else None


_GUESSED = 6  # characters
_GUESSES = 5  # names: each is compared with every known one


def _printable(name: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in name[:_SHOWN])
