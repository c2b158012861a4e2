"""Parses YAML into a tree of values with line numbers, within limits on size and depth.

Scalars follow YAML 1.2: `true`/`false`, null, numbers; everything else is text (no `yes`, `on`,
octal, `12:30` or dates). A number keeps its digits as `Number`, so that money never becomes a
binary float. Tags are rejected.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from gateway.config.mistakes import Mistake

MAX_BYTES = 1 << 20  # a thousand teams need a quarter of it
MAX_DEPTH = 32  # the configuration itself has six levels
MAX_VALUES = 100_000  # counted with aliases expanded, against an alias bomb ("billion laughs")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C scanner is ten times faster

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_QUOTED = re.compile("'([^']*)'")
_PLACEHOLDER = re.compile(r"\$\{([^{}\n]*)\}")
_OPEN, _CLOSE = "\ue000", "\ue001"  # private-use characters, which YAML allows
_TEXT_TAG = "tag:yaml.org,2002:str"


class Number(str):
    """A number with the digits of the file; convert it to an integer or a Decimal."""

    __slots__ = ()


def build(text: str) -> "Node | None":
    """Build the tree of the only document in the text; None if there is no document.

    Raises:
        ParseError: the text is not YAML or exceeds a limit.

    """
    return _Builder().build(text)


class ParseError(Exception):
    """The text can't be parsed."""

    def __init__(self, problem: str, line: int = 0) -> None:
        """`problem` contains no part of the text; `line` counts from 1 and is 0 if unknown."""
        super().__init__(problem)
        self.mistake = Mistake("", problem, line=line)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its line. `size` counts the value and all values below it, with aliases
    expanded; `height` counts the levels below it.
    """

    line: int
    size: int
    height: int
    value: "bool | str | list[Node] | Mapping | None"


@dataclass(slots=True)
class Mapping:
    """The entries of a mapping, each with the line of its key, and duplicate keys."""

    entries: dict[str, tuple[int, Node]] = field(default_factory=dict)
    repeated: list[tuple[str, int, int]] = field(default_factory=list)  # key, first line, second


class _Builder:
    """Builds the tree from YAML events. PyYAML's own composer has no limits: a deep file would
    reach Python's recursion limit, and it expands aliases without counting them.
    """

    def __init__(self) -> None:
        self._anchors: dict[str, Node] = {}
        self._values = 0

    def build(self, text: str) -> Node | None:
        try:
            if len(text.encode()) > MAX_BYTES:
                raise ParseError(f"the file is larger than {MAX_BYTES} bytes")
            self._events = yaml.parse(_masked(text), Loader=_Loader)
            return self._only_document()
        except UnicodeEncodeError:
            raise ParseError("the file is not valid Unicode text") from None
        except yaml.YAMLError as error:
            raise _not_yaml(error) from None

    def _only_document(self) -> Node | None:
        self._next()  # stream start
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        node = self._node(self._next(), 0)
        self._next()  # document end
        extra = self._next()
        if not isinstance(extra, yaml.StreamEndEvent):
            raise ParseError(
                "only one YAML document is allowed; a second one begins here",
                extra.start_mark.line + 1,
            )
        return node

    def _next(self) -> Any:
        return next(self._events)

    def _node(self, event: Any, depth: int) -> Node:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, depth, line)
        self._count(1, depth, line)
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
            raise ParseError(
                "an unquoted value that begins with * is a YAML alias, and no anchor of that name "
                "is defined before it; quote the value if it is text",
                line,
            )
        node = self._anchors[anchor]
        self._count(node.size, depth + node.height, line)
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

    def _count(self, size: int, depth: int, line: int) -> None:
        if depth > MAX_DEPTH:
            raise ParseError(f"nested more than {MAX_DEPTH} levels deep", line)
        self._values += size
        if self._values > MAX_VALUES:
            raise ParseError(f"more than {MAX_VALUES} values with aliases expanded", line)


def _masked(text: str) -> str:
    """Replace the braces of `${NAME}`, which YAML would parse within `{...}` and `[...]`.

    Every character keeps its column.
    """
    if _OPEN in text or _CLOSE in text:
        raise ParseError("the file contains U+E000 or U+E001, which the gateway uses internally")
    return _PLACEHOLDER.sub(rf"${_OPEN}\1{_CLOSE}", text)


def _unmasked(text: str) -> str:
    return text.replace(_OPEN, "{").replace(_CLOSE, "}")


def _height(children: list[Node]) -> int:
    return 1 + max((child.height for child in children), default=0)


def _key(event: Any) -> str:
    line = event.start_mark.line + 1
    if not isinstance(event, yaml.ScalarEvent):
        raise ParseError("a key must be plain text, not a list, a mapping or an alias", line)
    _refuse_tag(event.tag, line)
    return _unmasked(str(event.value))


def _merged(node: Node) -> list[Node]:
    """Return the mappings that `<<` merges; earlier ones take precedence."""
    nodes = node.value if isinstance(node.value, list) else [node]
    if not all(isinstance(item.value, Mapping) for item in nodes):
        raise ParseError("`<<` needs a mapping or a list of mappings", node.line)
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
    """Reject tags: none is needed, and most are an accident (a password that begins with `!`)."""
    if tag not in (None, "!", _TEXT_TAG):
        raise ParseError(
            "an unquoted value that begins with ! is a YAML tag, which is not supported; quote the "
            "value if it is text",
            line,
        )


def _not_yaml(error: yaml.YAMLError) -> ParseError:
    """Convert a parser error. Its message may quote the file, so parts of it are hidden."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return ParseError("invalid YAML: the file contains a character that YAML does not allow")
    problem = _QUOTED.sub(_without_text, str(getattr(error, "problem", None) or ""))
    reason = f": {problem}" if problem else ""
    line, column = mark.line + 1, mark.column + 1
    return ParseError(f"invalid YAML at line {line}, column {column}{reason}", line)


def _without_text(quoted: re.Match[str]) -> str:
    """Keep single characters and parser tokens such as `<block end>`; hide text of the file."""
    text = quoted[1]
    return quoted[0] if len(text) <= 1 or text.startswith("<") else "(hidden)"
