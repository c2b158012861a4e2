"""A DNS server on loopback with changing answers, and a lookup that queries it over UDP."""

import asyncio
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

_TYPE_A, _CLASS_IN, _POINTER_TO_NAME = 1, 1, 0xC00C


class NameServer(asyncio.DatagramProtocol):
    """Answers the n-th question with the n-th list of addresses, and repeats the last one."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self.answers = answers
        self.questions: list[str] = []
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question, name = _read_question(data)
        turn = min(len(self.questions), len(self.answers) - 1)
        self.questions.append(name)
        records = b"".join(
            struct.pack("!HHHIH", _POINTER_TO_NAME, _TYPE_A, _CLASS_IN, 0, 4)
            + socket.inet_aton(address)
            for address in self.answers[turn]
        )
        header = data[:2] + struct.pack("!HHHHH", 0x8180, 1, len(self.answers[turn]), 0, 0)
        assert self._transport is not None
        self._transport.sendto(header + question + records, addr)


class NameServerLookup:
    """Queries one DNS server for A records without a cache (`adapters.resolver.Lookup`)."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def addresses(self, host: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.setblocking(False)
            await loop.sock_connect(asking, ("127.0.0.1", self._port))
            await loop.sock_sendall(asking, _write_question(host))
            return _read_addresses(await loop.sock_recv(asking, 4096))


@asynccontextmanager
async def name_server(*answers: Sequence[str]) -> AsyncIterator[NameServer]:
    """Run a DNS server inside the `with` block."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(answers), local_addr=("127.0.0.1", 0)
    )
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()


def _write_question(host: str) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in host.split("."))
    header = secrets.token_bytes(2) + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0)
    return header + labels + b"\0" + struct.pack("!HH", _TYPE_A, _CLASS_IN)


def _read_question(data: bytes) -> tuple[bytes, str]:
    labels, place = [], 12
    while (length := data[place]) > 0:
        labels.append(data[place + 1 : place + 1 + length].decode())
        place += 1 + length
    return data[12 : place + 5], ".".join(labels)


def _read_addresses(data: bytes) -> Sequence[str]:
    (count,) = struct.unpack("!H", data[6:8])
    question, _ = _read_question(data)
    records = data[12 + len(question) :]
    return [socket.inet_ntoa(records[16 * n + 12 : 16 * n + 16]) for n in range(count)]
