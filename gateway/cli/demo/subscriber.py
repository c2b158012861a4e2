"""A subscriber: a small web server of the demo's own, which checks every signature it gets."""

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

SECRET = "demo-hook-secret"  # noqa: S105 - of config/demo.yaml, which everybody can read


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event as it arrived."""

    event: Any
    idempotency_key: str
    signed: bool


@dataclass(slots=True)
class Subscriber:
    """Where it listens, and what came."""

    url: str
    deliveries: list[Delivery] = field(default_factory=list)

    def about(self, job_id: str) -> list[Delivery]:
        """What came about one job."""
        return [each for each in self.deliveries if each.event["data"].get("id") == job_id]


@contextmanager
def subscribed() -> Iterator[Subscriber]:
    """A subscriber that listens on a free loopback port while this lasts."""
    subscriber = Subscriber("")

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            signed = signature_holds(self.headers.get("X-OpenRouter-Signature", ""), body)
            key = self.headers.get("X-OpenRouter-Idempotency-Key", "")
            if signed:
                subscriber.deliveries.append(Delivery(json.loads(body), key, signed))
            self.send_response(200 if signed else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing: what matters is told by the scene."""

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


def signature_holds(header: str, body: bytes) -> bool:
    """What a receiver of OpenRouter's webhooks does: HMAC-SHA256 over t, a comma, the body."""
    match = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", header)
    if match is None:
        return False
    message = match[1].encode() + b"," + body
    return hmac.compare_digest(
        hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest(), match[2]
    )
