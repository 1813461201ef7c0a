"""Reads on a bus where everything goes wrong all the time: no read gives what is not its own."""

from __future__ import annotations

import os

import pytest
from hostile_bus import hostile_reads

from hub.sim import VirtualClock

READS = {"quick": 3_000, "ci": 20_000, "full": 100_000}[os.environ.get("HUB_SUITE", "quick")]


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_no_read_gives_another_ones_value(virtual_clock: VirtualClock) -> None:
    outcomes, fences = await hostile_reads(virtual_clock, READS)
    print(f"{READS:,} reads on a hostile bus: {dict(outcomes.most_common())}, {fences:,} fences")  # noqa: T201
    assert outcomes["wrong"] == 0
    assert outcomes["right"] > READS / 3
    assert {"no_reply", "bad_crc", "wrong_function", "wrong_length", "exception", "disconnected"} <= set(outcomes)
