"""Tests of `video-gateway serve` as a process: start, reload, drain and start errors."""

import signal
import socket
from pathlib import Path

from aiohttp import ClientSession

from tests.cli.programs import configuration, run, serving


async def status_of(url: str) -> int:
    async with ClientSession() as http, http.get(url) as response:
        return response.status


async def test_it_serves_both_listeners_until_sigterm_and_exits_0(tmp_path: Path) -> None:
    async with serving(configuration(tmp_path)) as server:
        started = server.lines[-1]
        public = await status_of(f"{started['public']}/healthz")
        admin = await status_of(f"{started['admin']}/metrics")
        public_metrics = await status_of(f"{started['public']}/metrics")
        server.process.send_signal(signal.SIGTERM)
        code = await server.exit_code()

    assert (public, admin, public_metrics, code) == (200, 200, 404, 0)
    assert server.lines[-1]["event"] == "server.stopped"
    assert started["teams"] == 1
    assert started["upstreams"] == ["only"]


async def test_ctrl_c_stops_it_as_well(tmp_path: Path) -> None:
    async with serving(configuration(tmp_path)) as server:
        server.process.send_signal(signal.SIGINT)
        code = await server.exit_code()

    assert code == 0


async def test_sighup_loads_a_valid_file_and_rejects_an_invalid_one(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    async with serving(config) as server:
        public = server.lines[-1]["public"]
        configuration(tmp_path, teams="{growth: {}, research: {zdr: perhaps}}")
        server.process.send_signal(signal.SIGHUP)
        rejected = await server.logged("config.reload_refused")
        configuration(tmp_path, teams="{growth: {}, research: {zdr: allow}}")
        server.process.send_signal(signal.SIGHUP)
        reloaded = await server.logged("config.reloaded")
        health = await status_of(f"{public}/healthz")

    assert any("research.zdr" in mistake for mistake in rejected["mistakes"])
    assert reloaded["config_version"] != rejected["running_version"]
    assert health == 200


async def test_a_second_process_on_one_sqlite_file_does_not_start(
    tmp_path: Path,
) -> None:
    config = configuration(tmp_path)

    async with serving(config):
        result = await run("serve", "--config", str(config))

    assert result.code == 1
    assert "error: the gateway did not start:" in result.err
    assert "in use" in result.err
    assert "Traceback" not in result.err + result.out


async def test_a_port_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = configuration(
            tmp_path, server=f"{{listen: '127.0.0.1:{port}', admin_listen: '127.0.0.1:0'}}"
        )

        result = await run("serve", "--config", str(config))

    assert result.code == 1
    assert f"{port}" in result.err
    assert "Traceback" not in result.err + result.out


async def test_configuration_warnings_are_logged_at_the_start(tmp_path: Path) -> None:
    config = configuration(tmp_path, teams="{growth: {zdr: require}}")

    async with serving(config) as server:
        warnings = [line["warning"] for line in server.lines if line["event"] == "config.warning"]

    assert any(warning.startswith("teams.growth.zdr: require") for warning in warnings)
