"""Every trap of an RTU bus, in virtual time at the port, and for real on a pseudo-terminal and over TCP."""

from __future__ import annotations

import asyncio

import pytest
from rtu_traps import TRAPS, Trap
from wire_peers import serial_stage, tcp_stage, virtual_stage

from hub.sim import VirtualClock

REAL_TIMEOUT_S = 0.25


@pytest.mark.parametrize("play", TRAPS.values(), ids=TRAPS)
async def test_in_virtual_time(play: Trap, virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    await play(stage)
    await stage.link.close()


@pytest.mark.real_time
@pytest.mark.parametrize("medium", ["serial", "tcp-rtu"])
def test_all_at_once_for_real(medium: str) -> None:
    """Each on a bus of its own, side by side, so that their timeouts run together."""

    async def play_on_a_stage(play: Trap) -> None:
        async with (
            serial_stage(REAL_TIMEOUT_S) if medium == "serial" else tcp_stage(medium, REAL_TIMEOUT_S) as stage
        ):
            await play(stage)

    async def play_all() -> dict[str, BaseException | None]:
        results = await asyncio.gather(*map(play_on_a_stage, TRAPS.values()), return_exceptions=True)
        return {name: error for name, error in zip(TRAPS, results, strict=True) if error is not None}

    assert asyncio.run(play_all()) == {}
