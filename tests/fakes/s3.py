"""An S3 server on loopback: moto, in a separate process."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_PATIENCE = 30.0  # seconds until it answers


class S3Server:
    """A running server; each test has its own bucket."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._buckets = 0

    def bucket(self) -> str:
        """Create an empty bucket and return its name."""
        self._buckets += 1
        name = f"videos-{self._buckets}"
        self._call("PUT", f"/{name}")
        return name

    def remove(self, bucket: str, key: str) -> None:
        """Delete an object without the gateway."""
        self._call("DELETE", f"/{bucket}/{key}")

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the environment variables an operator would set to use the server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    @property
    def options(self) -> dict[str, Any]:
        """Return the arguments for `S3Store`."""
        return {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": "test",
            "secret_access_key": "test",
            "client_options": {"allow_http": True},
        }

    def _call(self, method: str, path: str) -> None:
        request = urllib.request.Request(f"{self.endpoint}{path}", method=method)
        with urllib.request.urlopen(request, timeout=5):
            pass


@contextmanager
def running_s3() -> Iterator[S3Server]:
    """Start the server, wait until it answers, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        server = S3Server(f"http://127.0.0.1:{port}")
        _await(server, process)
        yield server
    finally:
        process.kill()
        process.wait()


def _await(server: S3Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            server.bucket()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
