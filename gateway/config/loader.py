"""Loads and validates the configuration file; reports every mistake in one error."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as File

from pydantic import ValidationError

from gateway.config.cross_checks import Conflict, conflicts
from gateway.config.document import Document, read_document
from gateway.config.expand import Expanded, expand
from gateway.config.explain import Finding, findings
from gateway.config.mistakes import ConfigError, Mistake, path_text
from gateway.config.redaction import display_input
from gateway.config.schema import Config
from gateway.config.source import read_file
from gateway.config.warn import warnings

__all__ = ["ConfigError", "Loaded", "load", "parse", "version_of"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration.

    `version`: 12 hex digits of the SHA-256 of the file's text before `${}` is expanded. It
    identifies the reviewed file and does not depend on secrets.
    """

    config: Config
    version: str
    warnings: tuple[str, ...] = ()


def load(path: File, environ: Mapping[str, str]) -> Loaded:
    """Read, expand and validate a file.

    Raises:
        ConfigError: lists every mistake, without secrets.

    """
    return parse(read_file(path), environ, str(path))


def parse(text: str, environ: Mapping[str, str], name: str = "") -> Loaded:
    """Like `load`, for text already read; `name` is the file name for errors."""
    document = read_document(text, name)
    expanded = expand(document, environ)
    config, found = _validate(expanded)
    mistakes = [*document.mistakes, *expanded.mistakes, *_mistakes(found, document, expanded)]
    if mistakes or config is None:
        raise ConfigError(sorted(mistakes, key=lambda mistake: (mistake.line, mistake.path)), name)
    return Loaded(config, version_of(text), warnings(config))


def version_of(text: str) -> str:
    """Return the version of a file's text: 12 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _validate(expanded: Expanded) -> tuple[Config | None, list[Finding]]:
    found = [_from_conflict(conflict) for conflict in conflicts(expanded.values)]
    try:
        return Config.model_validate(expanded.values), found
    except ValidationError as error:
        # Pydantic's error contains the values, also secrets, so it must not be chained.
        return None, [*findings(error), *found]


def _from_conflict(conflict: Conflict) -> Finding:
    problem, allowed, hint = conflict.problem, conflict.allowed, conflict.hint
    return Finding(conflict.path, conflict.value, problem, allowed, hint)


def _mistakes(found: list[Finding], document: Document, expanded: Expanded) -> Iterator[Mistake]:
    """Skip values with a missing variable: `expand` has reported them."""
    for finding in found:
        if finding.path in expanded.broken:
            continue
        hidden = finding.path in expanded.origins
        yield Mistake(
            path_text(finding.path),
            finding.problem,
            display_input(finding.value, finding.path, expanded.origins)
            if finding.shows_value
            else "",
            finding.allowed,
            "" if hidden else finding.hint,
            document.line(finding.path),
        )
