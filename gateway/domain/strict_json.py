"""JSON from strangers, read strictly: what two readers could understand differently is refused.

The standard library's parser takes duplicate keys (last wins), NaN, numbers beyond every range
and lone surrogates; each of these would let the gateway price one request and the upstream run
another (docs/reliability.md (c) 15).
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

_MAX_INT_DIGITS = 19  # a 64-bit integer; more would not survive being sent on
_INT64 = 2**63
_MAX_DEPTH = (
    100  # the deepest field of the contract is at 5; what reads the body later must not recurse
)


class NotStrict(ValueError):
    """The text is not JSON that everyone reads the same way; the message says where and why."""


def parse_object(text: bytes) -> dict[str, Any]:
    """The one JSON object in `text`; floats are finite, integers fit 64 bits, keys occur once.

    Raises:
        NotStrict: with a sentence for the client; it quotes at most a key name.

    """
    if not text.strip():
        raise NotStrict("the body is empty; send a JSON object")
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_constant,
            parse_float=_finite,
            parse_int=_int64,
        )
    except UnicodeDecodeError as error:
        raise NotStrict(f"the body is not valid UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise NotStrict(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise NotStrict(f"the body is nested too deeply: {_MAX_DEPTH} levels at most") from None
    if not isinstance(value, dict):
        raise NotStrict(f"the body is {_kind(value)}; send a JSON object")
    _check_strings(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise NotStrict(f"the key {_shown(key)} occurs twice in one object")
            seen.add(key)
    return members


def _constant(name: str) -> NoReturn:
    raise NotStrict(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotStrict("a number is too large")
    return value


def _int64(text: str) -> int:
    if len(text.lstrip("-")) > _MAX_INT_DIGITS:
        raise NotStrict("an integer is too large: 64 bits at most")
    value = int(text)
    if not -_INT64 <= value < _INT64:
        raise NotStrict("an integer is too large: 64 bits at most")
    return value


def _check_strings(root: Mapping[str, Any]) -> None:
    """Refuse NUL (PostgreSQL's text can't hold it), lone surrogates (UTF-8 can't), deep nests."""
    stack: list[tuple[Any, int]] = [(root, 1)]
    while stack:
        value, depth = stack.pop()
        if depth > _MAX_DEPTH:
            raise NotStrict(f"the body is nested too deeply: {_MAX_DEPTH} levels at most")
        if isinstance(value, dict):
            stack.extend((key, depth) for key in value)
            stack.extend((member, depth + 1) for member in value.values())
        elif isinstance(value, list):
            stack.extend((item, depth + 1) for item in value)
        elif isinstance(value, str):
            if "\0" in value:
                raise NotStrict("a string contains a NUL character")
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                raise NotStrict("a string contains half of a surrogate pair") from None


def _shown(key: str) -> str:
    return json.dumps(key[:60])


def _kind(value: Any) -> str:
    names = {str: "a string", list: "an array", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
