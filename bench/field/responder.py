"""A meter that answers at once, in a process of its own: `python -m bench.field.responder SCHEME` prints where.

It answers one read of 60 registers of unit 5 and nothing else, so that it is never what is waited for.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.timing import Params


def _crc(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def _framed(body: bytes) -> bytes:
    return body + _crc(body)


RTU_READ = _framed(bytes((5, 3, 0, 0, 0, 60)))
_PDU = bytes((3, 120)) + bytes(range(120))
_RTU_REPLY = _framed(bytes((5,)) + _PDU)
_NUMBER_BYTES = 2


def main(scheme: str) -> None:
    """Serve until killed."""
    asyncio.run(_serve(scheme))


async def _serve(scheme: str) -> None:
    if scheme == "serial":
        print(_on_terminal(), flush=True)
    else:
        reply = _mbap_reply if scheme == "tcp" else _rtu_reply
        server = await asyncio.get_running_loop().create_server(lambda: _Meter(reply), "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


class _Meter(asyncio.Protocol):
    def __init__(self, reply: Callable[[bytes], bytes]) -> None:
        self._reply = reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._reply(data))


def _on_terminal() -> str:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    asyncio.get_running_loop().add_reader(ours, lambda: os.write(ours, _rtu_reply(os.read(ours, 256))))
    return os.ttyname(theirs)


def _mbap_reply(request: bytes) -> bytes:
    return request[:_NUMBER_BYTES] + bytes((0, 0, 0, len(_PDU) + 1, 5)) + _PDU


def _rtu_reply(request: bytes) -> bytes:
    assert request == RTU_READ, request.hex()
    return _RTU_REPLY


@contextmanager
def responding(params: Params, scheme: str) -> Iterator[str]:
    """Have it answer until the end; gives its port, or its device for `serial`."""
    process = subprocess.Popen(
        [str(params["hub_python"]), "-P", "-m", "bench.field.responder", scheme], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        where = process.stdout.readline().strip()
        assert where, "the meter did not start"
        yield where
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main(sys.argv[1])
