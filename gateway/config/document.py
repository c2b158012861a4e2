"""Parses the text of the file into plain values and the line of each."""

from dataclasses import dataclass

from gateway.config.mistakes import ConfigError, Mistake, Path, path_text
from gateway.config.yaml_tree import Mapping, Node, ParseError, build

Plain = bool | str | list["Plain"] | dict[str, "Plain"] | None
"""A value of a document; a `str` may be a `Number`."""


@dataclass(frozen=True, slots=True)
class Document:
    """A mapping parsed from text. `lines` maps a path to the line (from 1) of its value."""

    values: dict[str, Plain]
    lines: dict[Path, int]
    mistakes: tuple[Mistake, ...] = ()  # such as duplicate keys, which do not stop parsing

    def line(self, path: Path) -> int:
        """Return the line of the value at `path` or of its nearest parent; 0 if there is none."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def read_document(text: str, name: str = "") -> Document:
    """Parse YAML text. `name` is the file name for errors.

    Raises:
        ConfigError: the text is not YAML (with line and column), empty, not a mapping or too large.

    """
    try:
        return _as_document(build(text))
    except ParseError as error:
        raise ConfigError([error.mistake], name) from None


def _as_document(tree: Node | None) -> Document:
    if tree is None or tree.value is None:
        raise ParseError("the file is empty; it must contain at least `upstreams` and `teams`")
    if not isinstance(tree.value, Mapping):
        raise ParseError("the file must be a mapping: `upstreams:`, `teams:` and so on", tree.line)
    lines: dict[Path, int] = {}
    mistakes: list[Mistake] = []
    values = _plain_mapping(tree.value, (), lines, mistakes)
    return Document(values, lines, tuple(mistakes))


def _plain(node: Node, path: Path, lines: dict[Path, int], mistakes: list[Mistake]) -> Plain:
    if isinstance(node.value, Mapping):
        return _plain_mapping(node.value, path, lines, mistakes)
    if not isinstance(node.value, list):
        return node.value
    items: list[Plain] = []
    for position, item in enumerate(node.value):
        lines[(*path, position)] = item.line
        items.append(_plain(item, (*path, position), lines, mistakes))
    return items


def _plain_mapping(
    mapping: Mapping, path: Path, lines: dict[Path, int], mistakes: list[Mistake]
) -> dict[str, Plain]:
    for key, first, second in mapping.repeated:
        name = path_text((*path, key))
        mistakes.append(Mistake(name, f"duplicate key, first on line {first}", line=second))
    plain: dict[str, Plain] = {}
    for key, (line, child) in mapping.entries.items():
        lines[(*path, key)] = line
        plain[key] = _plain(child, (*path, key), lines, mistakes)
    return plain
