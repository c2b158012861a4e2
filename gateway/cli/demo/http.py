"""Plain HTTP calls of the demo itself; the requests of its clients use the official SDK."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT = 20.0  # seconds; every server here is on this machine


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Parse the body as JSON."""
        return json.loads(self.body)


def call(
    method: str,
    url: str,
    *,
    key: str | None = None,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request, without a proxy, and return the response whatever its status.

    Raises:
        OSError, http.client.HTTPException: no response arrived.

    """
    parts = urlsplit(url)
    sent = {"Content-Type": "application/json", **(headers or {})}
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target, None if body is None else json.dumps(body), sent)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())
    finally:
        connection.close()
