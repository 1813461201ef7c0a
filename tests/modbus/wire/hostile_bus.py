"""A bus where everything goes wrong all the time: late replies, strays, foreign frames, drops, cancelled reads.

Each answer carries its address and the number of the request it was made for, so that no wrong value can hide.
"""

from __future__ import annotations

import asyncio
import struct
from collections import Counter

from wire_peers import Stage, read, rtu_exception, spoil, virtual_stage

from hub.contracts.links import LinkFailed
from hub.core.ids import SeededIds
from hub.sim import VirtualClock
from plugins.kpm_modbus.wire.rtu import rtu_frame

UNITS = (5, 6, 7)
TIMEOUT_S = 0.3
LATE_S_MAX = 4.0


class HostileBus:
    """Meters behind a gateway that answers in order, often much too late, and with much else in between."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._random = SeededIds(seed).random
        self._last_out_s = 0.0
        self.number = 0
        stage.script = self.asked

    def asked(self, request: bytes) -> None:
        self.number = (self.number + 1) & 0xFFFF
        unit, function, address, count = struct.unpack_from(">BBHH", request)
        words = (address, self.number, *(address ^ self.number ^ place for place in range(2, count)))[:count]
        reply = rtu_frame(unit, struct.pack(f">BB{count}H", function, 2 * count, *words))
        random = self._random
        fate = random.random()
        delay_s = random.uniform(0.005, 0.05)
        if fate < 0.05:
            return
        if fate < 0.15:
            delay_s = random.uniform(TIMEOUT_S, LATE_S_MAX)
        elif fate < 0.19:
            reply = spoil(reply)
        elif fate < 0.22:
            reply = rtu_exception(request, 6)
        elif fate < 0.25:
            reply = rtu_frame(unit, b"\x04" + reply[2:-2])
        elif fate < 0.28:
            # Of a length nobody asks for: one that is late and lies, and so fits another request, cannot be told.
            reply = rtu_frame(unit, bytes((function, 40)) + bytes(40))
        elif fate < 0.31:
            reply = reply[: random.randrange(len(reply))]
        elif fate < 0.32:
            self._stage.hang_up()
        self._send(self._strays() + reply + self._strays(), delay_s)

    def _strays(self) -> bytes:
        """Now and then noise, or a frame that another meter sent."""
        kind = self._random.random()
        if kind < 0.1:
            return self._random.randbytes(self._random.randint(1, 4))
        if kind < 0.2:
            return rtu_frame(self._random.choice((8, 9)), b"\x03\x04" + self._random.randbytes(4))
        return b""

    def _send(self, data: bytes, delay_s: float) -> None:
        """In the order of the requests, in one piece or in two."""
        clock = self._stage.clock
        out_s = max(clock.monotonic() + delay_s, self._last_out_s + 0.001)
        cut = self._random.randrange(len(data)) if data and self._random.random() < 0.3 else 0
        for piece, at_s in ((data[:cut], out_s), (data[cut:], out_s + 0.002)):
            if piece:
                self._stage.send(piece, max(1e-6, at_s - clock.monotonic()))
        self._last_out_s = out_s + 0.003


async def hostile_reads(clock: VirtualClock, reads: int) -> tuple[Counter[str], int]:
    """What became of so many reads (`right`, `wrong`, or why there was no value), and how many fences it took."""
    stage = virtual_stage(clock)
    bus = HostileBus(stage, seed=20261121)
    random = SeededIds(7).random
    outcomes: Counter[str] = Counter()

    async def one_read() -> None:
        request = read(random.randrange(0, 0x7000), random.choice((2, 2, 2, 3, 5)), random.choice(UNITS))
        reading = asyncio.create_task(stage.link.transact(request, TIMEOUT_S))
        if random.random() < 0.05:
            await clock.sleep(random.uniform(0, 2 * TIMEOUT_S))
            reading.cancel()
        try:
            reply = await reading
        except LinkFailed as error:
            outcomes[error.reason.value] += 1
        except asyncio.CancelledError:
            outcomes["cancelled"] += 1
        else:
            is_right = reply.words[:2] == (request.address, bus.number)
            outcomes["right" if is_right else "wrong"] += 1

    for _ in range(reads):
        await one_read()
        if random.random() < 0.02:
            await clock.sleep(random.uniform(0, 12))
    await stage.link.close()
    return outcomes, stage.link.record.fences
