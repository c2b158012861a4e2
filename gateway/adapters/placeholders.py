"""Convert the SQL text that both databases share to psycopg's parameter style."""

import re

# Parts that may contain a colon without a parameter: strings, quoted names, comments, casts.
_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | :: | :(?P<name>[a-z_][a-z0-9_]*)
    """,
    re.DOTALL | re.VERBOSE,
)


def to_pyformat(sql: str) -> str:
    """Return `:name` as `%(name)s`, with each `%` doubled, as psycopg requires even in strings."""
    return _TOKEN.sub(_spelled, sql.replace("%", "%%"))


def _spelled(token: re.Match[str]) -> str:
    name = token["name"]
    return token[0] if name is None else f"%({name})s"
