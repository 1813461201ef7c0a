"""What a transaction costs the processor: `python tests/modbus/wire/wire_speed.py [transactions]`.

The peer is another process, so that only the link's own time is counted; reads of 60 registers over loopback TCP.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection

from wire_peers import mbap_reply, read, rtu_reply

from hub.core.clock import SystemClock
from plugins.kpm_modbus.wire import open_link
from plugins.kpm_modbus.wire.rtu import rtu_frame

REPLIES: dict[str, Callable[[bytes], bytes]] = {"tcp": mbap_reply, "tcp-rtu": rtu_reply}


def serve(scheme: str, port_to: Connection) -> None:
    """Answer each chunk as one request, until killed."""
    reply = REPLIES[scheme]

    class Peer(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.WriteTransport)
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(reply(data))

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", 0)
        port_to.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def asked_by_links(scheme: str, port: int, links: int, transactions: int) -> None:
    # 230400 baud: gaps of 1.75 ms are kept all the same, and a sleep costs time too.
    options = "?baud=230400&slave_gap_ms=0" if scheme == "tcp-rtu" else ""

    async def ask() -> None:
        link = open_link(f"{scheme}://127.0.0.1:{port}{options}", SystemClock())
        for _ in range(transactions // links):
            await link.transact(read(0, 60), 5.0)
        await link.close()

    await asyncio.gather(*(ask() for _ in range(links)))


async def asked_by_nothing(port: int, links: int, transactions: int) -> None:
    """The floor: a protocol that sends the same bytes and looks at none that come back."""
    request = rtu_frame(5, b"\x03\x00\x00\x00\x3c")

    class Bare(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.WriteTransport)
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.answer.set_result(data)

        async def ask(self) -> None:
            for _ in range(transactions // links):
                self.answer = asyncio.get_running_loop().create_future()
                self.transport.write(request)
                await self.answer

    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(Bare, "127.0.0.1", port))[1] for _ in range(links)]
    await asyncio.gather(*(one.ask() for one in made))
    for one in made:
        one.transport.abort()


def cpu_us_per_transaction(scheme: str, links: int, transactions: int, *, is_floor: bool = False) -> float:
    """The processor time of this process for one transaction, in microseconds."""
    here, there = multiprocessing.Pipe()
    peer = multiprocessing.Process(target=serve, args=(scheme, there), daemon=True)
    peer.start()
    port = here.recv()
    begun_s = cpu_s()
    try:
        asyncio.run(
            asked_by_nothing(port, links, transactions)
            if is_floor
            else asked_by_links(scheme, port, links, transactions)
        )
        return 1e6 * (cpu_s() - begun_s) / transactions
    finally:
        peer.kill()
        peer.join()


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    for links in (1, 50):
        floor = cpu_us_per_transaction("tcp-rtu", links, count, is_floor=True)
        ours = {scheme: cpu_us_per_transaction(scheme, links, count) for scheme in REPLIES}
        figures = ", ".join(f"{scheme} {used:.0f}" for scheme, used in ours.items())
        print(f"{links} links, us of processor time per transaction: {figures}; bare asyncio {floor:.0f}")  # noqa: T201
