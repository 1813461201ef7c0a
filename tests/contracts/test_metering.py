"""Readings: what a stream may drop, what it never drops, and the meters of the fake."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from contract_stage import Stage, play

from hub.contracts.ids import BusId, MeterId, PointId
from hub.contracts.metering import (
    BusSilent,
    EpochHint,
    IdentityTaken,
    Liveness,
    MeterQuarantined,
    QuarantineLifted,
    ReadFailed,
    ReadFailure,
    Reading,
    Readings,
    ReadingTag,
    Stream,
    StreamOverflowed,
)
from hub.contracts.naming import event_name
from hub.contracts.streams import ReadingStream
from hub.core.errors import NotFound
from hub.testing.fakes import FakeReadings, Faults

STALL, KIOSK = PointId("stall"), PointId("kiosk")


def make(stage: Stage, faults: Faults | None = None) -> FakeReadings:
    fake = FakeReadings(stage.clock, faults, stage.events.append)
    fake.add_meter(STALL, serial="1001", raw=5_000, scale=1)
    fake.add_meter(KIOSK, serial="2002")
    return fake


def test_the_fake_and_the_stream_are_what_the_contract_says(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        readings: Readings = make(stage)
        stream: Stream = readings.subscribe()
        assert readings.registers(STALL)[0].modulus_raw == 1 << 32
        assert stream.coalesced == 0

    play(tmp_path, scene)


def test_untagged_readings_give_way_and_tagged_ones_never_do(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = make(stage)
        stream = fake.subscribe(points=[STALL])
        await fake.poll(STALL)
        await fake.poll(STALL)
        await fake.read_now(STALL, stage.after_us(5))
        await fake.poll(STALL)
        await fake.poll(KIOSK)
        await fake.read_now(STALL, stage.after_us(5), ReadingTag.FINAL)
        await fake.poll(STALL)
        taken = await stream.take()
        assert [reading.tag for reading in taken] == [ReadingTag.REQUESTED, ReadingTag.FINAL, None]
        assert stream.coalesced == 3
        times = [reading.source_us for reading in taken]
        assert times == sorted(times)

    play(tmp_path, scene)


def test_each_subscriber_has_its_own_cursor(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = make(stage)
        quick, slow = fake.subscribe(), fake.subscribe()
        seen = []
        for _ in range(3):
            fake.use(STALL, 1)
            await fake.poll(STALL)
            seen += [reading.raw for reading in await quick.take()]
        assert seen == [5_001, 5_002, 5_003]
        assert [reading.raw for reading in await slow.take()] == [5_003]
        assert (quick.coalesced, slow.coalesced) == (0, 2)

    play(tmp_path, scene)


def test_a_cancelled_take_loses_nothing_and_a_closed_stream_ends(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = make(stage)
        stream = fake.subscribe()
        waiting = asyncio.create_task(stream.take())
        await stage.clock.sleep(1)
        waiting.cancel()
        await asyncio.wait([waiting])
        await fake.poll(STALL)
        await fake.poll(KIOSK)
        stream.close()
        await fake.poll(STALL)
        assert [reading.point async for reading in stream] == [STALL, KIOSK]
        assert await stream.take() == []

    play(tmp_path, scene)


def test_a_stream_that_would_drop_a_tagged_reading_ends_instead(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> Reading:
        fake = make(stage)
        (reading,) = await fake.read_now(STALL, stage.after_us(5))
        stream = ReadingStream(tagged_max=2)
        for _ in range(2):
            stream.put(reading)
        assert len(await stream.take(1)) == 1
        stream.put(reading)
        stream.put(reading)
        with pytest.raises(StreamOverflowed, match=r"more than 2 tagged readings .* subscribe again"):
            await stream.take()
        assert stream.is_closed
        return reading

    play(tmp_path, scene)


def test_a_reading_carries_its_proof(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = make(stage)
        began_us = stage.clock.now_us()
        (reading,) = await fake.read_now(STALL, stage.after_us(5))
        assert reading.value == Decimal(50_000)
        assert reading.words == (0, 5_000)
        assert began_us < reading.source_us < reading.received_us == stage.clock.now_us()
        assert reading.epoch is EpochHint.FIRST
        fake.swap(STALL, serial="1001", raw=3)
        (after,) = await fake.read_now(STALL, stage.after_us(5))
        assert after.epoch is EpochHint.RESET
        assert after.frame_sha != reading.frame_sha

    play(tmp_path, scene)


def test_a_boundary_read_waits_for_its_instant_and_asking_twice_reads_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = make(stage)
        fake.silence(KIOSK)
        stream = fake.subscribe()
        instant_us = stage.after_us(60)
        first, second = await asyncio.gather(
            fake.read_at([STALL, KIOSK], instant_us), fake.read_at([KIOSK, STALL], instant_us)
        )
        assert first == second
        failed, found = first[KIOSK], first[STALL]
        assert isinstance(failed, ReadFailed)
        assert failed.reason is ReadFailure.NO_REPLY
        assert isinstance(found, tuple)
        (reading,) = found
        assert reading.asked_us == instant_us < reading.source_us < instant_us + 1_000_000
        assert await stream.take() == [reading]
        assert reading.tag is ReadingTag.BOUNDARY

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("faults", "reason", "after_s"),
    [
        pytest.param(Faults(absent=True), ReadFailure.NO_REPLY, 0.3, id="silent"),
        pytest.param(Faults(fail_next=1), ReadFailure.BAD_REPLY, 0.05, id="damaged reply"),
        pytest.param(Faults(delay_s=9), ReadFailure.DEADLINE, 2.0, id="its turn comes too late"),
    ],
)
def test_a_read_that_gives_nothing_says_why_within_its_deadline(
    tmp_path: Path, faults: Faults, reason: ReadFailure, after_s: float
) -> None:
    async def scene(stage: Stage) -> None:
        fake = make(stage, faults)
        stream = fake.subscribe()
        began_s = stage.clock.monotonic()
        with pytest.raises(ReadFailed, match="stall: ") as caught:
            await fake.read_now(STALL, stage.after_us(2))
        assert caught.value.reason is reason
        assert stage.clock.monotonic() - began_s == pytest.approx(after_s)
        stream.close()
        assert await stream.take() == []

    play(tmp_path, scene)


def test_silence_and_return_are_told_once_each(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = make(stage)
        await fake.poll(STALL)
        fake.silence(STALL)
        for _ in range(3):
            await fake.poll(STALL)
        assert fake.status(STALL).liveness is Liveness.DEAD
        fake.silence(STALL, is_silent=False)
        await fake.poll(STALL)
        assert [event_name(type(event)) for event in stage.events] == ["meter_silent", "meter_back"]
        assert stage.events[0].key == "meter_stall"
        assert fake.status(STALL).liveness is Liveness.LIVE

    play(tmp_path, scene)


def test_a_swapped_meter_gives_no_reading_until_a_committed_lift(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = make(stage)
        fake.swap(STALL, serial="9009")
        with pytest.raises(ReadFailed, match="serial 9009 answered, 1001 is expected"):
            await fake.read_now(STALL, stage.after_us(5))
        assert stage.of(MeterQuarantined)[0].found_serial == "9009"
        assert fake.status(STALL).quarantined_for

        def replace_and_fail(tx: object) -> None:
            raise RuntimeError("the ledger refuses")

        def both(tx: object) -> None:
            fake.lift(tx, MeterId("meter_stall"), "9009")  # type: ignore[arg-type]
            replace_and_fail(tx)

        with pytest.raises(RuntimeError, match="the ledger refuses"):
            await stage.db.write(both)
        assert fake.status(STALL).quarantined_for
        for _ in range(2):
            await stage.db.write(lambda tx: fake.lift(tx, MeterId("meter_stall"), "9009"))
        assert fake.status(STALL).quarantined_for is None
        assert len(stage.of(QuarantineLifted)) == 1
        (reading,) = await fake.read_now(STALL, stage.after_us(5))
        assert reading.serial == "9009"

    play(tmp_path, scene)


def test_a_lift_for_a_serial_that_hangs_elsewhere_or_for_no_meter_is_refused(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = make(stage)
        with pytest.raises(IdentityTaken, match="serial 2002 is the meter at meter_kiosk already"):
            await stage.db.write(lambda tx: fake.lift(tx, MeterId("meter_stall"), "2002"))
        with pytest.raises(NotFound, match="no meter 'nowhere'; known: kiosk, stall"):
            await stage.db.write(lambda tx: fake.lift(tx, MeterId("nowhere"), "1"))
        with pytest.raises(NotFound, match="point 'x'"):
            fake.status(PointId("x"))

    play(tmp_path, scene)


def test_bus_events_are_keyed_by_their_bus() -> None:
    assert BusSilent(bus=BusId("north"), meters=32).key == "north"
