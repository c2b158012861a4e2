"""Renders Go templates: the part of the language, and of Helm's functions, that the chart uses.

Considered: Helm itself, which few machines have and no small package brings. Whatever is not known
here raises TemplateError, so that a template that outgrows this module fails its tests. Where Helm
is installed, `test_helm.py` compares the two.
"""

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml


class TemplateError(Exception):
    """A template that can't be rendered, or that called `fail`."""


@dataclass
class Templates:
    """Parsed templates; those made by `define` are shared by all of them."""

    defined: dict[str, "Block"] = field(default_factory=dict)

    def add(self, text: str) -> "Block":
        """Parse a file; what it defines becomes known to every template."""
        return _Parser(text, self.defined).parse()

    def render(self, block: "Block", root: Any) -> str:
        """The text that a parsed file makes of its data."""
        return self._run(block, root, {"$": root})

    def _run(self, block: "Block", dot: Any, names: dict[str, Any]) -> str:
        return "".join(self._node(node, dot, names) for node in block)

    def _node(self, node: "str | Action", dot: Any, names: dict[str, Any]) -> str:
        if isinstance(node, str):
            return node
        value = self._pipeline(node.pipeline, dot, names)
        match node.kind:
            case "print":
                return _text(value)
            case "if":
                return self._run(node.body if value else node.other, dot, names)
            case "with":
                if value:
                    return self._run(node.body, value, dict(names))
                return self._run(node.other, dot, names)
            case "range":
                return "".join(
                    self._run(
                        node.body,
                        item,
                        {**names, **dict(zip(node.names, (key, item), strict=True))},
                    )
                    for key, item in sorted(value.items())
                )
        raise TemplateError(f"unknown action {node.kind}")

    def _pipeline(self, tokens: list[str], dot: Any, names: dict[str, Any]) -> Any:
        commands = list(_split(tokens, "|"))
        value = self._command(commands[0], [], dot, names)
        for command in commands[1:]:
            value = self._command(command, [value], dot, names)
        return value

    def _command(self, tokens: list[str], piped: list[Any], dot: Any, names: dict[str, Any]) -> Any:
        first, *rest = list(_operands(tokens))
        arguments = [self._operand(operand, dot, names) for operand in rest] + piped
        if len(first) == 1 and re.fullmatch(r"[a-zA-Z]\w*", first[0]):
            if first[0] == "include":
                name, data = arguments
                return self._run(self.defined[name], data, {"$": data})
            if first[0] not in _FUNCTIONS:
                raise TemplateError(f"unknown function {first[0]}")
            return _FUNCTIONS[first[0]](*arguments)
        value = self._operand(first, dot, names)
        return value(*arguments) if callable(value) else value

    def _operand(self, tokens: list[str], dot: Any, names: dict[str, Any]) -> Any:
        word = tokens[0]
        if word == "(":
            return self._pipeline(tokens[1:-1], dot, names)
        if word.startswith('"'):
            return word[1:-1].replace('\\"', '"')
        if re.fullmatch(r"-?\d+", word):
            return int(word)
        start, *path = word.split(".")
        value = names[start] if start.startswith("$") else dot
        for part in path:
            if part:
                value = value.get(part) if isinstance(value, Mapping) else getattr(value, part)
        return value


@dataclass
class Action:
    """One `{{ }}`, with what it encloses."""

    kind: str
    pipeline: list[str]
    names: tuple[str, ...] = ()
    body: "Block" = field(default_factory=list)
    other: "Block" = field(default_factory=list)


Block = list[str | Action]

_ACTION = re.compile(r"\{\{(-\s)?\s*(.*?)\s*(\s-)?\}\}", re.DOTALL)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|:=|[(),|]|[^\s(),|"]+')


class _Parser:
    def __init__(self, text: str, defined: dict[str, Block]) -> None:
        self._parts = _trimmed(text)
        self._defined = defined

    def parse(self) -> Block:
        block, end = self._block()
        if end:
            raise TemplateError(f"{end[0]} without a beginning")
        return block

    def _block(self) -> tuple[Block, list[str]]:
        """Everything up to the `end` or `else` of this block, and that."""
        block: Block = []
        for part in self._parts:
            if isinstance(part, str):
                block.append(part)
                continue
            tokens = _TOKEN.findall(part[0])
            if tokens[0] in ("end", "else"):
                return block, tokens
            if tokens[0] == "define":
                self._defined[tokens[1].strip('"')], _ = self._block()
            elif tokens[0] in ("if", "with", "range"):
                block.append(self._enclosing(tokens[0], tokens[1:]))
            else:
                block.append(Action("print", tokens))
        return block, []

    def _enclosing(self, kind: str, tokens: list[str]) -> Action:
        names: tuple[str, ...] = ()
        if ":=" in tokens:
            at = tokens.index(":=")
            names = tuple(token for token in tokens[:at] if token != ",")
            tokens = tokens[at + 1 :]
        action = Action(kind, tokens, names)
        action.body, end = self._block()
        if end == ["else"]:
            action.other, end = self._block()
        if end != ["end"]:
            raise TemplateError(f"{kind} {' '.join(tokens)} does not end")
        return action


def _trimmed(text: str) -> Iterator[str | tuple[str]]:
    """The text between actions, without what `{{-` and `-}}` take away, and the actions."""
    at, trim = 0, False
    for match in _ACTION.finditer(text):
        between = text[at : match.start()]
        between = between.lstrip() if trim else between
        yield between.rstrip() if match[1] else between
        yield (match[2],)
        at, trim = match.end(), bool(match[3])
    yield text[at:].lstrip() if trim else text[at:]


def _split(tokens: list[str], at: str) -> Iterator[list[str]]:
    depth, part = 0, list[str]()
    for token in tokens:
        depth += (token == "(") - (token == ")")
        if token == at and depth == 0:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _operands(tokens: list[str]) -> Iterator[list[str]]:
    """Single words, and what stands in parentheses."""
    depth, part = 0, list[str]()
    for token in tokens:
        part.append(token)
        depth += (token == "(") - (token == ")")
        if depth == 0:
            yield part
            part = []


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _to_yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=True, width=1000).rstrip("\n")


def _indent(width: int, text: str) -> str:
    return "\n".join(" " * width + line for line in text.split("\n"))


def _fail(message: str) -> None:
    raise TemplateError(message)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda *numbers: sum(numbers),
    "base": posixpath.basename,
    "contains": lambda part, text: part in text,
    "default": lambda default, value: value or default,
    "eq": lambda left, right: left == right,
    "fail": _fail,
    "nindent": lambda width, text: "\n" + _indent(width, text),
    "not": lambda value: not value,
    "printf": lambda form, *values: form % values,
    "quote": lambda value: f'"{_text(value)}"',
    "replace": lambda old, new, text: text.replace(old, new),
    "sha256sum": lambda text: hashlib.sha256(text.encode()).hexdigest(),
    "toYaml": _to_yaml,
    "trimSuffix": lambda suffix, text: text.removesuffix(suffix),
    "trunc": lambda length, text: text[:length],
}
