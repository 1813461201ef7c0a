"""The simulated bus as a link: every transaction takes T(n), one at a time, and every second is accounted for."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from field_stage import OPEN, POWER, RELAY, SIXTY, TIMEOUT_S, bus, outcome

from hub.contracts.links import Failure, LinkFailed, Reply, Request, WireTiming
from hub.sim import VirtualClock
from hub.sim.field.faults import Fault, FaultKind
from hub.sim.field.rtu import is_sound
from hub.sim.field.stations import Turn


def microseconds(seconds: float) -> int:
    return round(seconds * 1e6)


@pytest.mark.parametrize("request_", [POWER, SIXTY, RELAY, OPEN], ids=["two", "sixty", "coils", "a write"])
@pytest.mark.parametrize(("baud", "turn_s"), [(9600, 0.020), (19200, 0.005), (115200, 0.0), (1200, 0.05)])
async def test_a_transaction_takes_exactly_the_time_of_the_wire(
    virtual_clock: VirtualClock, request_: Request, baud: int, turn_s: float
) -> None:
    wire = bus(virtual_clock, baud=baud, turn=Turn.of_s(turn_s))
    first = await wire.transact(request_, 2.0)
    second = await wire.transact(request_, 2.0)
    timing = WireTiming.of(baud)
    assert second.sent_us - first.sent_us == pytest.approx(
        microseconds(timing.transaction_s(request_, turn_s)), abs=1
    )
    assert first.received_us - first.sent_us == pytest.approx(
        microseconds(timing.transaction_s(request_, turn_s) - timing.gap_s), abs=1
    )
    assert first.turn_us == max(microseconds(turn_s), microseconds(timing.gap_s))
    assert wire.usage.efficiency() == pytest.approx(1.0)


async def test_a_reply_is_a_whole_sound_frame_with_the_words_in_it(virtual_clock: VirtualClock) -> None:
    reply = await bus(virtual_clock).transact(POWER, TIMEOUT_S)
    assert reply.frame[:3] == bytes((1, 3, 4))
    assert is_sound(reply.frame)
    assert reply.words == (0x447A, 0)  # 1000.0 as a float
    assert reply.frame[3:7] == bytes.fromhex("447A0000")


async def test_callers_take_turns_and_never_overlap(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    replies = await asyncio.gather(
        *(
            wire.transact(Request(unit=unit, function=POWER.function, address=0x48, count=2), TIMEOUT_S)
            for unit in (1, 2, 3)
        )
    )
    for earlier, later in pairwise(replies):
        assert later.sent_us - earlier.received_us == pytest.approx(microseconds(wire.timing.gap_s), abs=1)


async def test_a_dead_meter_costs_the_callers_timeout_and_a_drain(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.silent.add(2)
    begun_s = virtual_clock.monotonic()
    failed = await outcome(wire, Request(unit=2, function=POWER.function, address=0x48, count=2), 0.25)
    assert isinstance(failed, LinkFailed)
    assert (failed.reason, failed.was_sent) == (Failure.NO_REPLY, True)
    assert virtual_clock.monotonic() - begun_s == pytest.approx(8 * 11 / 9600 + 2 * 0.25, abs=1e-6)
    absent = await outcome(wire, Request(unit=77, function=POWER.function, address=0x48, count=2))
    assert isinstance(absent, LinkFailed)
    assert str(absent) == "unit 77: no reply within 0.3 s"


async def test_an_exception_needs_no_drain(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    failed = await outcome(wire, Request(unit=1, function=POWER.function, address=0x300, count=2))
    assert isinstance(failed, LinkFailed)
    assert (failed.reason, failed.exception_code) == (Failure.EXCEPTION, 2)
    assert str(failed) == "unit 1 answered with exception 2 to function 03 at 0x0300"
    assert wire.usage.drain_s == 0
    ended_us = virtual_clock.now_us()
    reply = await wire.transact(POWER, TIMEOUT_S)
    assert reply.sent_us - ended_us == pytest.approx(microseconds(wire.timing.gap_s), abs=1)


async def test_every_second_of_the_bus_is_accounted_for(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock, turn=Turn.of_s(0.012, 0.028))
    wire.set_fault(Fault(kind=FaultKind.SILENT, unit=2))
    wire.set_fault(Fault(kind=FaultKind.WRONG_CRC, unit=3))
    for _ in range(20):
        for unit in (1, 2, 3):
            await outcome(wire, Request(unit=unit, function=POWER.function, address=0x48, count=2))
    busy_until_s = virtual_clock.monotonic()
    await virtual_clock.sleep(5)
    usage = wire.usage
    assert (usage.frames, usage.good) == (60, 20)
    assert dict(usage.failures) == {Failure.NO_REPLY: 20, Failure.BAD_CRC: 20}
    assert usage.busy_s == pytest.approx(busy_until_s, abs=1e-6)
    assert usage.idle_s(virtual_clock.monotonic()) == pytest.approx(5, abs=1e-6)
    assert 20 * TIMEOUT_S < usage.timeout_s < 40 * TIMEOUT_S
    assert usage.drain_s == pytest.approx(40 * TIMEOUT_S)
    assert 0 < usage.efficiency() < 0.1
    assert usage.load(virtual_clock.monotonic()) == pytest.approx(busy_until_s / (busy_until_s + 5))


async def test_a_seeded_turn_repeats_and_stays_within_its_bounds(virtual_clock: VirtualClock) -> None:
    async def turns() -> list[int]:
        wire = bus(virtual_clock, turn=Turn.of_s(0.012, 0.028))
        return [(await wire.transact(POWER, TIMEOUT_S)).turn_us for _ in range(50)]

    first = await turns()
    assert first == await turns()
    assert 12_000 <= min(first) < 14_000
    assert 26_000 < max(first) <= 28_000


async def test_a_late_reply_makes_the_drain_longer_and_is_nobodys_answer(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=FaultKind.LATE, unit=1, times=1, late_s=0.575))
    assert isinstance(await outcome(wire, POWER), LinkFailed)
    reply_until_s = (8 + 9) * 11 / 9600 + 0.020 + 0.575
    assert virtual_clock.monotonic() == pytest.approx(reply_until_s + wire.drain_s, abs=1e-6)
    second = await wire.transact(Request(unit=2, function=POWER.function, address=0x48, count=2), TIMEOUT_S)
    assert second.words == (0x44FA, 0)  # 2000.0: its own


async def test_a_very_late_reply_spoils_the_transaction_that_it_falls_into(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    wire.set_fault(Fault(kind=FaultKind.LATE, unit=1, times=1, late_s=0.6))
    assert isinstance(await outcome(wire, POWER), LinkFailed)
    other = await outcome(wire, Request(unit=2, function=POWER.function, address=0x30, count=56))
    assert isinstance(other, LinkFailed)
    assert (other.reason, str(other)) == (
        Failure.WRONG_UNIT,
        "unit 2: a late reply of unit 1 fell into this transaction",
    )
    assert isinstance(await outcome(wire, POWER), Reply)


async def test_a_cancelled_write_that_was_begun_is_obeyed_and_drained(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    writing = asyncio.ensure_future(wire.transact(OPEN, TIMEOUT_S))
    await virtual_clock.sleep(0.002)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    start_us = virtual_clock.now_us() - 2_000
    other = await wire.transact(Request(unit=2, function=POWER.function, address=0x48, count=2), TIMEOUT_S)
    assert other.sent_us - start_us == pytest.approx(microseconds(16 * 11 / 9600 + 0.020 + wire.drain_s), abs=1)
    await virtual_clock.sleep(0.1)
    assert (await wire.transact(RELAY, TIMEOUT_S)).words == (0, 0, 0)
    assert wire.usage.cancelled == 1
    gaps_after_s = 2 * wire.timing.gap_s  # one ran while nobody asked, the other has yet to
    assert wire.usage.busy_s == pytest.approx(virtual_clock.monotonic() - 0.1 + gaps_after_s, abs=1e-6)


async def test_a_read_cancelled_while_its_meter_is_silent_blocks_the_bus_until_nothing_can_come(
    virtual_clock: VirtualClock,
) -> None:
    wire = bus(virtual_clock)
    wire.silent.add(1)
    reading = asyncio.ensure_future(wire.transact(POWER, TIMEOUT_S))
    await virtual_clock.sleep(0.1)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    start_us = virtual_clock.now_us() - 100_000
    other = await wire.transact(Request(unit=2, function=POWER.function, address=0x48, count=2), TIMEOUT_S)
    assert other.sent_us - start_us == pytest.approx(microseconds(8 * 11 / 9600 + 2 * TIMEOUT_S), abs=1)


async def test_a_write_cancelled_while_it_waits_for_its_turn_is_never_sent(virtual_clock: VirtualClock) -> None:
    wire = bus(virtual_clock)
    reading = asyncio.ensure_future(wire.transact(SIXTY, TIMEOUT_S))
    await virtual_clock.sleep(0.01)
    writing = asyncio.ensure_future(wire.transact(OPEN, TIMEOUT_S))
    await virtual_clock.sleep(0.01)
    writing.cancel()
    await asyncio.gather(reading, writing, return_exceptions=True)
    await virtual_clock.sleep(1)
    assert wire.meters[1].is_closed
    assert wire.usage.frames == 1


async def test_an_hour_of_32_meters_is_accounted_for_and_repeats(virtual_clock: VirtualClock) -> None:
    """Ten minutes of it; `bench` has the hour."""

    async def run() -> tuple[int, float, float]:
        wire = bus(virtual_clock, 32, turn=Turn.of_s(0.012, 0.028))
        for _ in range(60):
            for unit in range(1, 33):
                await wire.transact(Request(unit=unit, function=SIXTY.function, address=0x30, count=56), TIMEOUT_S)
        return wire.usage.good, wire.usage.busy_s, wire.usage.efficiency()

    first = await run()
    assert first == await run()
    assert first[0] == 1920
    assert first[2] == pytest.approx(1.0)
