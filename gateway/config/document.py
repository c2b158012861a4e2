"""The text of the file as plain values, with the line of each."""

from dataclasses import dataclass

from gateway.config.mistakes import ConfigError, Mistake, Path, path_text
from gateway.config.tree import Mapping, Node, Unreadable, build

Plain = bool | str | list["Plain"] | dict[str, "Plain"] | None
"""What a document is made of; a `str` may be a `Number`."""


@dataclass(frozen=True, slots=True)
class Document:
    """A mapping read from text. `lines` says on which line (from 1) the value at a path begins."""

    values: dict[str, Plain]
    lines: dict[Path, int]
    mistakes: tuple[Mistake, ...] = ()  # repeated keys and the like: the rest could still be read

    def line(self, path: Path) -> int:
        """The line of the value at `path`, or of the nearest thing around it; 0: none."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def read_document(text: str, name: str = "") -> Document:
    """Read YAML text. `name` is only repeated in the error.

    Raises:
        ConfigError: not YAML (with line and column), empty, not a mapping, too large.

    """
    try:
        return _as_document(build(text))
    except Unreadable as error:
        raise ConfigError([error.mistake], name) from None


def _as_document(tree: Node | None) -> Document:
    if tree is None or tree.value is None:
        raise Unreadable("the file is empty; it needs at least `upstreams` and `teams`")
    if not isinstance(tree.value, Mapping):
        raise Unreadable("the file must be a mapping: `upstreams:`, `teams:` and so on", tree.line)
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
        where = path_text((*path, key))
        mistakes.append(Mistake(where, f"written twice, first on line {first}", line=second))
    plain: dict[str, Plain] = {}
    for key, (line, child) in mapping.entries.items():
        lines[(*path, key)] = line
        plain[key] = _plain(child, (*path, key), lines, mistakes)
    return plain
