"""`video-gateway serve` as a process: it starts, reloads, drains, and says why it did not."""

import signal
import socket
from pathlib import Path

from aiohttp import ClientSession

from tests.cli.programs import configuration, run, serving


async def answers(url: str) -> int:
    async with ClientSession() as http, http.get(url) as response:
        return response.status


async def test_it_serves_both_listeners_until_sigterm_and_exits_0(tmp_path: Path) -> None:
    async with serving(configuration(tmp_path)) as server:
        started = server.lines[-1]
        public = await answers(f"{started['public']}/healthz")
        admin = await answers(f"{started['admin']}/metrics")
        crossed = await answers(f"{started['public']}/metrics")
        server.process.send_signal(signal.SIGTERM)
        code = await server.ended()

    assert (public, admin, crossed, code) == (200, 200, 404, 0)
    assert server.lines[-1]["event"] == "server.stopped"
    assert started["teams"] == 1
    assert started["upstreams"] == ["only"]


async def test_ctrl_c_stops_it_as_well(tmp_path: Path) -> None:
    async with serving(configuration(tmp_path)) as server:
        server.process.send_signal(signal.SIGINT)
        code = await server.ended()

    assert code == 0


async def test_sighup_puts_a_good_file_in_force_and_refuses_a_bad_one(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    async with serving(config) as server:
        public = server.lines[-1]["public"]
        configuration(tmp_path, teams="{growth: {}, research: {zdr: perhaps}}")
        server.process.send_signal(signal.SIGHUP)
        refused = await server.told("config.reload_refused")
        configuration(tmp_path, teams="{growth: {}, research: {zdr: allow}}")
        server.process.send_signal(signal.SIGHUP)
        reloaded = await server.told("config.reloaded")
        alive = await answers(f"{public}/healthz")

    assert any("research.zdr" in mistake for mistake in refused["mistakes"])
    assert reloaded["config_version"] != refused["running_version"]
    assert alive == 200


async def test_a_second_process_on_one_sqlite_file_is_refused_in_plain_words(
    tmp_path: Path,
) -> None:
    config = configuration(tmp_path)

    async with serving(config):
        done = await run("serve", "--config", str(config))

    assert done.code == 1
    assert "error: the gateway did not start:" in done.err
    assert "in use" in done.err
    assert "Traceback" not in done.err + done.out


async def test_a_port_that_is_taken_is_told_in_plain_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = configuration(
            tmp_path, server=f"{{listen: '127.0.0.1:{port}', admin_listen: '127.0.0.1:0'}}"
        )

        done = await run("serve", "--config", str(config))

    assert done.code == 1
    assert f"{port}" in done.err
    assert "Traceback" not in done.err + done.out


async def test_what_is_probably_not_meant_is_logged_at_the_start(tmp_path: Path) -> None:
    config = configuration(tmp_path, teams="{growth: {zdr: require}}")

    async with serving(config) as server:
        told = [line["warning"] for line in server.lines if line["event"] == "config.warning"]

    assert any(warning.startswith("teams.growth.zdr: require") for warning in told)
