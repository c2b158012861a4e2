"""Replicas behind nginx are restarted one by one under load: no request fails."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from gateway.sandbox import Sandbox, SandboxConfig
from tests.deploy.programs import program
from tests.deploy.proxies import free_port
from tests.harness import GROK, KEYS
from tests.processes import GatewayProcess, gateway_process, write_config

KEY = {"Authorization": f"Bearer {KEYS['growth']}"}
CLIENTS = 6

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream gateways {{ {servers} keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://gateways; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""


@asynccontextmanager
async def nginx(folder: Path, ports: list[int]) -> AsyncIterator[str]:
    """nginx before the gateways on these ports; its own port is free now."""
    words, port = program("nginx"), free_port()
    servers = " ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ports)
    path = folder / "nginx.conf"
    path.write_text(NGINX.format(folder=folder, servers=servers, port=port))
    process = await asyncio.create_subprocess_exec(words, "-c", str(path), "-p", str(folder))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.timeout(120)
async def test_three_replicas_restarted_one_by_one_fail_no_request(
    postgres_url: str, tmp_path: Path
) -> None:
    sandbox = await Sandbox.start(SandboxConfig(submit_seconds=(0.0, 0.05)))
    ports = [free_port() for _ in range(3)]
    failed: list[str] = []
    answered = 0
    over = asyncio.Event()

    async def replica(number: int) -> GatewayProcess:
        folder = tmp_path / str(number)
        folder.mkdir(exist_ok=True)
        server = {"listen": f"127.0.0.1:{ports[number]}", "lame_duck": "500ms"}
        config = write_config(folder, sandbox, postgres_url, {"server": server})
        return await stack.enter_async_context(gateway_process(config))

    async def client(number: int, origin: str) -> None:
        nonlocal answered
        turn = 0
        async with ClientSession(headers=KEY) as http:
            while not over.is_set():
                turn += 1
                body = {**GROK, "prompt": f"client {number}, take {turn}"}
                try:
                    async with http.post(f"{origin}/api/v1/videos", json=body) as submitted:
                        text = await submitted.text()
                        if submitted.status != 202:
                            failed.append(f"submit {submitted.status} {text[:200]}")
                            continue
                        job = (await submitted.json())["id"]
                    async with http.get(f"{origin}/api/v1/videos/{job}") as polled:
                        if polled.status != 200:
                            failed.append(f"poll {polled.status} {(await polled.text())[:200]}")
                    answered += 2
                except ClientError as error:
                    failed.append(repr(error))

    async with AsyncExitStack() as stack:
        replicas = [await replica(number) for number in range(3)]
        origin = await stack.enter_async_context(nginx(tmp_path, ports))
        await asyncio.sleep(0.5)  # nginx listens
        clients = [asyncio.create_task(client(n, origin)) for n in range(CLIENTS)]
        for number, running in enumerate(replicas):
            running.signal(signal.SIGTERM)
            assert await running.ended() == 0
            await replica(number)
        over.set()
        await asyncio.gather(*clients)
    await sandbox.close()

    assert failed == []
    assert answered > 100
