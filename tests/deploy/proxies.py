"""A proxy of deploy/, run before a gateway as its file says; only its addresses are this test's."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from tests.deploy.chart import ROOT
from tests.deploy.programs import program, run

_PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class Proxy:
    """A running proxy; `http` trusts its certificate, whatever that says."""

    clear: str  # http://127.0.0.1:port
    secure: str  # https://127.0.0.1:port
    http: ClientSession
    log: Path

    async def logged(self, words: str) -> str:
        """The log, once it has these words."""
        async with asyncio.timeout(_PATIENCE):
            while words not in (text := self.log.read_text()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return text


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def adapted(file: str, changes: Mapping[str, str]) -> str:
    """A file of deploy/ with other addresses and paths; each must occur in it."""
    text = (ROOT / "deploy" / file).read_text()
    for old, new in changes.items():
        assert old in text, f"{file} has no {old!r}"
        text = text.replace(old, new)
    return text


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of the test's own, and its key."""
    chain, key = folder / "fullchain.pem", folder / "privkey.pem"
    run(
        *(program("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
        *("-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=video.example.com"),
        *("-keyout", key, "-out", chain),
    )
    return chain, key


def nginx_config(folder: Path, gateway: str, clear: int, secure: int) -> Path:
    """A whole configuration of nginx around deploy/nginx.conf."""
    chain, key = certificate(folder)
    changes = {
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl;\n": "",
        "listen 80;": f"listen 127.0.0.1:{clear};",
        "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl;",
        "127.0.0.1:8080": gateway,
        "/etc/ssl/video-gateway/fullchain.pem": str(chain),
        "/etc/ssl/video-gateway/privkey.pem": str(key),
        "/var/log/nginx/": f"{folder}/",
    }
    (folder / "site.conf").write_text(adapted("nginx.conf", changes))
    paths = "".join(
        f"{kind}_temp_path {folder / kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = folder / "nginx.conf"
    path.write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log stderr;"
        f"events {{ worker_connections 256; }} http {{ {paths} include {folder}/site.conf; }}"
    )
    return path


def haproxy_config(folder: Path, gateway: str, clear: int, secure: int) -> Path:
    """deploy/haproxy.cfg with the test's addresses."""
    chain, key = certificate(folder)
    both = folder / "both.pem"
    both.write_text(chain.read_text() + key.read_text())
    changes = {
        "bind :80\n": f"bind 127.0.0.1:{clear}\n",
        "bind :443 ssl": f"bind 127.0.0.1:{secure} ssl",
        "127.0.0.1:8080": gateway,
        "/etc/haproxy/certs/video-gateway.pem": str(both),
    }
    path = folder / "haproxy.cfg"
    path.write_text(adapted("haproxy.cfg", changes))
    return path


@asynccontextmanager
async def running_proxy(name: str, folder: Path, gateway: str) -> AsyncIterator[Proxy]:
    """nginx or HAProxy before the gateway at this `host:port`; ended with the block."""
    clear, secure = free_port(), free_port()
    if name == "nginx":
        words = [program("nginx"), "-c", str(nginx_config(folder, gateway, clear, secure))]
        log = folder / "video-gateway.log"
    else:
        words = [program("haproxy"), "-f", str(haproxy_config(folder, gateway, clear, secure))]
        log = folder / "stdout"
    with (folder / "stdout").open("wb") as printed:
        process = await asyncio.create_subprocess_exec(*words, stdout=printed, stderr=printed)
    try:
        await _listening(process, secure, folder)
        async with ClientSession(connector=TCPConnector(ssl=False)) as http:
            yield Proxy(f"http://127.0.0.1:{clear}", f"https://127.0.0.1:{secure}", http, log)
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(_PATIENCE):
            await process.wait()


async def _listening(process: asyncio.subprocess.Process, port: int, folder: Path) -> None:
    for _ in range(int(_PATIENCE / 0.05)):
        if process.returncode is not None:
            pytest.fail((folder / "stdout").read_text())
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        return
    pytest.fail(f"nothing listens: {(folder / 'stdout').read_text()}")
