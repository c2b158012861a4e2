"""YAML text as a tree of values and lines: bounded, without YAML's traps.

Scalars are YAML 1.2's: `true`/`false`, null, numbers; everything else is text (no `yes`, `on`,
octal, `12:30` or dates). A number keeps its digits as `Number`, so that money never passes through
a binary float. Tags are refused; aliases and nesting are bounded.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from gateway.config.mistakes import Mistake

MAX_BYTES = 1 << 20  # a thousand teams fit in a quarter of it
MAX_DEPTH = 32  # the configuration itself is six deep
MAX_VALUES = 100_000  # counted after aliases are followed: a bomb of aliases ends here

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C scanner is ten times faster

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_QUOTED = re.compile("'([^']*)'")
_PLACE = re.compile(r"\$\{([^{}\n]*)\}")
_OPEN, _CLOSE = "\ue000", "\ue001"  # private use: no one's text, and YAML lets them pass
_TEXT_TAG = "tag:yaml.org,2002:str"


class Number(str):
    """A number as it was written; whoever uses it reads an integer or a Decimal from it."""

    __slots__ = ()


def build(text: str) -> "Node | None":
    """The tree of the one document in the text; None where there is none.

    Raises:
        Unreadable: not YAML, or more of it than the bounds allow.

    """
    return _Builder().build(text)


class Unreadable(Exception):
    """The text can't be read any further."""

    def __init__(self, problem: str, line: int = 0) -> None:
        """`problem` repeats nothing of the text; `line` from 1, 0 where there is none."""
        super().__init__(problem)
        self.mistake = Mistake("", problem, line=line)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stood. `size` counts it and all below, aliases followed; `height` the
    levels below it.
    """

    line: int
    size: int
    height: int
    value: "bool | str | list[Node] | Mapping | None"


@dataclass(slots=True)
class Mapping:
    """The entries of a mapping, each with the line of its key; and the keys written again."""

    entries: dict[str, tuple[int, Node]] = field(default_factory=dict)
    repeated: list[tuple[str, int, int]] = field(default_factory=list)  # key, first line, second


class _Builder:
    """Builds the tree from YAML events: a loop of our own, because a deep file must not reach
    Python's recursion limit and an alias must be weighed before it is followed.
    """

    def __init__(self) -> None:
        self._anchors: dict[str, Node] = {}
        self._values = 0

    def build(self, text: str) -> Node | None:
        try:
            if len(text.encode()) > MAX_BYTES:
                raise Unreadable(f"the file is larger than {MAX_BYTES} bytes")
            self._events = yaml.parse(_masked(text), Loader=_Loader)
            return self._only_document()
        except UnicodeEncodeError:
            raise Unreadable("the file is not valid Unicode text") from None
        except yaml.YAMLError as error:
            raise _not_yaml(error) from None

    def _only_document(self) -> Node | None:
        self._next()  # the stream starts
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        node = self._node(self._next(), 0)
        self._next()  # the document ends
        extra = self._next()
        if not isinstance(extra, yaml.StreamEndEvent):
            raise Unreadable(
                "one YAML document only; a second begins here", extra.start_mark.line + 1
            )
        return node

    def _next(self) -> Any:
        return next(self._events)

    def _node(self, event: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, depth, line)
        self._weigh(1, depth, line)
        if isinstance(event, yaml.ScalarEvent):
            node = Node(line, 1, 0, _scalar(event, line))
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, line, depth)
        else:
            node = self._mapping(event, line, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, anchor: str | None, depth: int, line: int) -> Node:
        if anchor is None or anchor not in self._anchors:
            raise Unreadable(
                "an unquoted value that begins with * refers to an anchor, and there is none of "
                "that name before it; quote the value if it is text",
                line,
            )
        node = self._anchors[anchor]
        self._weigh(node.size, depth + node.height, line)
        return node

    def _sequence(self, event: Any, line: int, depth: int) -> Node:
        _refuse_tag(event.tag, line)
        items: list[Node] = []
        while not isinstance(child := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(child, depth + 1))
        size = 1 + sum(item.size for item in items)
        return Node(line, size, _height(items), items)

    def _mapping(self, event: Any, line: int, depth: int) -> Node:
        _refuse_tag(event.tag, line)
        mapping, children, merged = Mapping(), list[Node](), list[Node]()
        while not isinstance(child := self._next(), yaml.MappingEndEvent):
            key, key_line = _key(child), child.start_mark.line + 1
            node = self._node(self._next(), depth + 1)
            children.append(node)
            if key == "<<" and child.implicit[0]:
                merged += _merged(node)
            elif key in mapping.entries:
                mapping.repeated.append((key, mapping.entries[key][0], key_line))
            else:
                mapping.entries[key] = (key_line, node)
        for node in merged:
            if isinstance(node.value, Mapping):
                for key, entry in node.value.entries.items():
                    mapping.entries.setdefault(key, entry)
        size = 1 + sum(child.size for child in children)
        return Node(line, size, _height(children), mapping)

    def _weigh(self, size: int, depth: int, line: int) -> None:
        if depth > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels", line)
        self._values += size
        if self._values > MAX_VALUES:
            raise Unreadable(f"more than {MAX_VALUES} values, aliases counted", line)


def _masked(text: str) -> str:
    """The text with the braces of `${NAME}` out of YAML's sight, column by column as before:
    within `{...}` and `[...]` YAML would take them for its own.
    """
    if _OPEN in text or _CLOSE in text:
        raise Unreadable("the file holds U+E000 or U+E001, which are for private use")
    return _PLACE.sub(rf"${_OPEN}\1{_CLOSE}", text)


def _unmasked(text: str) -> str:
    return text.replace(_OPEN, "{").replace(_CLOSE, "}")


def _height(children: list[Node]) -> int:
    return 1 + max((child.height for child in children), default=0)


def _key(event: Any) -> str:
    line = event.start_mark.line + 1
    if not isinstance(event, yaml.ScalarEvent):
        raise Unreadable("a key must be a word, not a list, a mapping or an alias", line)
    _refuse_tag(event.tag, line)
    return _unmasked(str(event.value))


def _merged(node: Node) -> list[Node]:
    """The mappings that `<<` brings in; earlier ones win."""
    nodes = node.value if isinstance(node.value, list) else [node]
    if not all(isinstance(one.value, Mapping) for one in nodes):
        raise Unreadable("`<<` merges a mapping or a list of mappings", node.line)
    return nodes


def _scalar(event: Any, line: int) -> bool | str | None:
    _refuse_tag(event.tag, line)
    text = _unmasked(str(event.value))
    if event.style or event.tag:
        return text
    if text in _NULLS:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return Number(text) if _NUMBER.fullmatch(text) else text


def _refuse_tag(tag: str | None, line: int) -> None:
    """Tags build objects elsewhere; here they could only be an accident (a password with a `!`)."""
    if tag not in (None, "!", _TEXT_TAG):
        raise Unreadable(
            "an unquoted value that begins with ! is a YAML tag, which is not supported; quote the "
            "value if it is text",
            line,
        )


def _not_yaml(error: yaml.YAMLError) -> Unreadable:
    """Where it stops being YAML. The parser's own words may repeat the file, so few are kept."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return Unreadable("not YAML: the file holds a character that YAML does not allow")
    problem = _QUOTED.sub(_without_text, str(getattr(error, "problem", None) or ""))
    words = f": {problem}" if problem else ""
    line, column = mark.line + 1, mark.column + 1
    return Unreadable(f"not YAML at line {line}, column {column}{words}", line)


def _without_text(quoted: re.Match[str]) -> str:
    """Single characters and the parser's own `<block end>` stay; a word is the file's."""
    word = quoted[1]
    return quoted[0] if len(word) <= 1 or word.startswith("<") else "(hidden)"
