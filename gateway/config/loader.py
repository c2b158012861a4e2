"""From a file to a configuration in force: everything right, or every mistake at once."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as File

from pydantic import ValidationError

from gateway.config.across import Conflict, conflicts
from gateway.config.document import Document, read_document
from gateway.config.expand import Expanded, expand
from gateway.config.explain import Finding, findings
from gateway.config.mistakes import ConfigError, Mistake, path_text
from gateway.config.schema import Config
from gateway.config.secrecy import seen
from gateway.config.source import read_file
from gateway.config.warn import warnings

__all__ = ["ConfigError", "Loaded", "load", "parse", "version_of"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that may be put in force.

    `version`: 12 hex digits of the SHA-256 of the file's text, before `${}` is filled in: it names
    the file that was reviewed and tells nothing of a secret.
    """

    config: Config
    version: str
    warnings: tuple[str, ...] = ()


def load(path: File, environ: Mapping[str, str]) -> Loaded:
    """Read, fill in and check a file.

    Raises:
        ConfigError: with every mistake found; no secret in it.

    """
    return parse(read_file(path), environ, str(path))


def parse(text: str, environ: Mapping[str, str], name: str = "") -> Loaded:
    """As `load`, for text already read; `name` leads the lines of an error."""
    document = read_document(text, name)
    expanded = expand(document, environ)
    config, found = _validate(expanded)
    mistakes = [*document.mistakes, *expanded.mistakes, *_mistakes(found, document, expanded)]
    if mistakes or config is None:
        raise ConfigError(sorted(mistakes, key=lambda one: (one.line, one.path)), name)
    return Loaded(config, version_of(text), warnings(config))


def version_of(text: str) -> str:
    """The name of a file's text: 12 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _validate(expanded: Expanded) -> tuple[Config | None, list[Finding]]:
    found = [_of_conflict(conflict) for conflict in conflicts(expanded.values)]
    try:
        return Config.model_validate(expanded.values), found
    except ValidationError as error:
        # The error holds the values, secrets too: it ends here, and is chained to nothing.
        return None, [*findings(error), *found]


def _of_conflict(conflict: Conflict) -> Finding:
    problem, allowed, hint = conflict.problem, conflict.allowed, conflict.hint
    return Finding(conflict.path, conflict.value, problem, allowed, hint)


def _mistakes(found: list[Finding], document: Document, expanded: Expanded) -> Iterator[Mistake]:
    """What stands where a variable was missing means nothing, so nothing more is said of it."""
    for finding in found:
        if finding.path in expanded.broken:
            continue
        hidden = finding.path in expanded.origins
        yield Mistake(
            path_text(finding.path),
            finding.problem,
            seen(finding.value, finding.path, expanded.origins) if finding.shows_value else "",
            finding.allowed,
            "" if hidden else finding.hint,
            document.line(finding.path),
        )
