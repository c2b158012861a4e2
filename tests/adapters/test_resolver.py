"""The system's resolver."""

import asyncio
import socket
import threading

import pytest

from gateway.adapters.resolver import SystemLookup


async def test_a_name_gets_its_addresses_each_once() -> None:
    lookup = SystemLookup()
    try:
        addresses = await lookup.addresses("localhost")
    finally:
        lookup.close()

    assert "127.0.0.1" in addresses
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example", "\ud800.example"], ids=ascii)
async def test_what_is_no_name_is_a_failed_lookup_and_no_other_error(host: str) -> None:
    lookup = SystemLookup()
    try:
        with pytest.raises(socket.gaierror):
            await lookup.addresses(host)
    finally:
        lookup.close()


async def test_a_slow_lookup_holds_up_neither_the_loop_nor_the_default_threads() -> None:
    gate = threading.Event()

    def look_up(host: str) -> list[str]:
        gate.wait(20)
        return [host]

    slow, other = SystemLookup(2, look_up=look_up), SystemLookup(1, look_up=look_up)
    try:
        stuck = [asyncio.create_task(slow.addresses(f"10.0.0.{n}")) for n in range(50)]
        await asyncio.sleep(0)

        assert await asyncio.to_thread(lambda: "free") == "free"
        assert not any(task.done() for task in stuck)
        gate.set()
        assert [await task for task in stuck] == [[f"10.0.0.{n}"] for n in range(50)]
        assert await other.addresses("10.1.1.1") == ["10.1.1.1"]
    finally:
        gate.set()
        slow.close()
        other.close()
