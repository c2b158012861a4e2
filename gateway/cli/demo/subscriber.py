"""A webhook subscriber: a small web server that verifies every signature."""

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "demo-hook-secret"  # noqa: S105 - the published value in config/demo.yaml


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivered event."""

    event: Any
    idempotency_key: str
    verified: bool


@dataclass(slots=True)
class Subscriber:
    """The subscriber's URL and the deliveries it accepted."""

    url: str
    deliveries: list[Delivery] = field(default_factory=list)

    def for_job(self, job_id: str) -> list[Delivery]:
        """Return the deliveries about one job."""
        return [one for one in self.deliveries if one.event["data"].get("id") == job_id]


@contextmanager
def running_subscriber() -> Iterator[Subscriber]:
    """Run a subscriber on a free loopback port."""
    subscriber = Subscriber("")

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            verified = verify_signature(self.headers.get("X-OpenRouter-Signature", ""), body)
            key = self.headers.get("X-OpenRouter-Idempotency-Key", "")
            if verified:
                subscriber.deliveries.append(Delivery(json.loads(body), key, verified))
            self.send_response(200 if verified else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Log nothing; the scene prints the deliveries."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    subscriber.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield subscriber
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def verify_signature(header: str, body: bytes) -> bool:
    """Verify OpenRouter's webhook signature: HMAC-SHA256 over t, a comma and the body."""
    match = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", header)
    if match is None:
        return False
    message = match[1].encode() + b"," + body
    return hmac.compare_digest(
        hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest(), match[2]
    )
