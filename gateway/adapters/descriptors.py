"""File descriptors of this process: their limit, and how many are left for connections."""

import resource

RESERVE = 256
"""Descriptors kept for the database, the upstreams, the subscribers and the content store."""

_LEAST = 64  # connections that are accepted even where the limit is tiny


def raise_limit() -> tuple[int, int]:
    """Raise the soft limit of open files to the hard one; return the limit before and after."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return soft, soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # a sandbox may forbid it; the soft limit then stays
        return soft, soft
    return soft, resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def connection_room() -> int:
    """Return how many client connections may be open at once, beside what the gateway needs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(_LEAST, soft - RESERVE)
