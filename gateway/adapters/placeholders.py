"""The house's one SQL text, in psycopg's spelling."""

import re

# Whatever may hold a colon that is no parameter: strings, quoted names, comments, casts.
_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | :: | :(?P<name>[a-z_][a-z0-9_]*)
    """,
    re.DOTALL | re.VERBOSE,
)


def to_pyformat(sql: str) -> str:
    """`:name` as `%(name)s`, and each `%` doubled: psycopg reads it even inside strings."""
    return _TOKEN.sub(_spelled, sql.replace("%", "%%"))


def _spelled(token: re.Match[str]) -> str:
    name = token["name"]
    return token[0] if name is None else f"%({name})s"
