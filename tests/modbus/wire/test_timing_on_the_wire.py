"""What a link keeps to on the wire: gaps, the count of the timeout, turn-around, and what may be asked at all."""

from __future__ import annotations

import asyncio

import pytest
from wire_peers import TIMING, read, rtu_reply, virtual_stage, write, write_coil

from hub.contracts.links import Failure, Function, LinkFailed, Request
from hub.sim import VirtualClock

REQUEST_S = 8 * TIMING.character_s


@pytest.mark.parametrize(("unit", "gap_s"), [(5, TIMING.gap_s), (6, TIMING.gap_s + 0.005)])
async def test_a_gap_goes_before_each_request_and_a_longer_one_to_another_meter(
    virtual_clock: VirtualClock, unit: int, gap_s: float
) -> None:
    stage = virtual_stage(virtual_clock)
    await stage.link.transact(read(1), 0.3)
    await stage.link.transact(read(1, unit=unit), 0.3)
    # The peer answers at once, and hears a request at its last byte.
    between_s = stage.request_times_s[1] - stage.request_times_s[0]
    assert between_s == pytest.approx(gap_s + REQUEST_S, abs=1e-5)


async def test_the_timeout_counts_from_the_end_of_the_request(virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    stage.script = lambda request: stage.send(rtu_reply(request), 0.299)
    reply = await stage.link.transact(read(1), 0.3)
    assert reply.words == (1, 2)
    assert reply.received_us - reply.sent_us == pytest.approx((REQUEST_S + 0.299) * 1e6, abs=2)


async def test_the_turn_around_is_told_from_the_end_of_the_reply(virtual_clock: VirtualClock) -> None:
    """A gateway hands the reply over in one lump, when its last byte was in."""
    stage = virtual_stage(virtual_clock)
    stage.script = lambda request: stage.send(rtu_reply(request), 0.020 + 9 * TIMING.character_s)
    assert (await stage.link.transact(read(1), 0.3)).turn_us == pytest.approx(20_000, abs=2)


async def test_a_failure_takes_the_timeout_and_a_drain_as_long(virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    await stage.link.transact(read(1), 0.3)
    stage.script = stage.silent
    begun_s = virtual_clock.monotonic()
    with pytest.raises(LinkFailed) as caught:
        await stage.link.transact(read(0x64), 0.3)
    assert virtual_clock.monotonic() - begun_s == pytest.approx(REQUEST_S + 0.6, abs=0.01)
    assert str(caught.value) == (
        "tcp-rtu://peer, unit 5, read holding registers at 0x0064 (2): no reply within 0.3 s; "
        "check its power, wiring, unit number and line settings"
    )


@pytest.mark.parametrize(
    ("late", "drained_after_s"),
    [
        pytest.param([(0.37, "reply")], 0.37 + 0.02, id="the late reply, and then silence"),
        pytest.param([(0.37, "reply"), (0.38, "stray")], 0.38 + 0.02, id="the silence counts from the last byte"),
        pytest.param([(0.37, "stray")], 0.6, id="a stray byte is not what was waited for"),
        pytest.param([(0.37, "foreign")], 0.6, id="nor is another meter's reply"),
        pytest.param([(0.37, "half")], 0.6, id="nor half of it"),
        pytest.param([(0.59, "reply")], 0.59 + 0.02, id="one that comes at the end is waited out"),
    ],
)
async def test_a_drain_ends_as_soon_as_what_is_owed_has_come(
    virtual_clock: VirtualClock, late: list[tuple[float, str]], drained_after_s: float
) -> None:
    stage = virtual_stage(virtual_clock)
    await stage.link.transact(read(1), 0.3)

    def too_late(request: bytes) -> None:
        reply = rtu_reply(request)
        kinds = {"reply": reply, "stray": b"\x00", "foreign": rtu_reply(request, unit=9), "half": reply[:4]}
        for after_s, kind in late:
            stage.send(kinds[kind], after_s)

    stage.script = too_late
    begun_s = virtual_clock.monotonic()
    with pytest.raises(LinkFailed):
        await stage.link.transact(read(0x64), 0.3)
    took_s = virtual_clock.monotonic() - begun_s
    assert took_s == pytest.approx(TIMING.gap_s + REQUEST_S + drained_after_s, abs=1e-4)


async def test_requests_take_turns(virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    replies = await asyncio.gather(*(stage.link.transact(read(address), 0.3) for address in range(20)))
    assert [reply.words[0] for reply in replies] == list(range(20))


async def test_a_bus_that_never_falls_silent_is_opened_anew(virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    await stage.link.transact(read(1), 0.3)

    async def babble() -> None:
        while True:
            stage.send(b"\xa7\x11\x80")
            await virtual_clock.sleep(0.01)

    babbling = asyncio.create_task(babble())
    await virtual_clock.sleep(0.001)
    with pytest.raises(LinkFailed) as caught:
        await stage.link.transact(read(1), 0.3)
    assert (caught.value.reason, caught.value.was_sent) == (Failure.DISCONNECTED, False)
    assert "it never falls silent: another master, a wrong baud rate" in str(caught.value)
    babbling.cancel()
    await virtual_clock.sleep(1)
    assert (await stage.link.transact(read(1), 0.3)).words == (1, 2)
    assert stage.connects == 2


async def test_the_last_200_frames_are_kept_with_their_verdicts(virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    for address in range(150):
        await stage.link.transact(read(address), 0.3)
    stage.script = stage.silent
    with pytest.raises(LinkFailed):
        await stage.link.transact(read(1), 0.3)
    frames = stage.link.record.frames
    assert len(frames) == 200
    assert [(note.direction, note.verdict) for note in list(frames)[-4:]] == [
        ("sent", "request"), ("received", "answer"), ("sent", "request"), ("received", "no_reply"),
    ]  # fmt: skip
    assert frames[-2].frame == stage.requests[-1]
    assert stage.link.record.answers == 150
    assert stage.link.record.failures == {Failure.NO_REPLY: 1}


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (read(1, unit=0), "unit 0: a request goes to one of the units 1 to 247, never to all"),
        (read(1, unit=248), "unit 248: a request goes"),
        (read(1, 126), "READ_HOLDING_REGISTERS takes 1 to 125 at once, not 126"),
        (read(1, 0), "READ_HOLDING_REGISTERS takes 1 to 125 at once, not 0"),
        (read(0xFFFF, 2), "addresses run from 0 to 0xFFFF"),
        (write(1, 0x10000), "the values of WRITE_REGISTER run from 0 to 65535"),
        (write_coil(1, 2), "the values of WRITE_COIL run from 0 to 1"),
        (Request(unit=1, function=Function.WRITE_COIL, address=1, count=2, values=(1, 1)), "takes 1 to 1 at once"),
        (Request(unit=1, function=Function.WRITE_REGISTERS, address=1, count=2, values=(1,)), "1 values for"),
        (Request(unit=1, function=Function.READ_COILS, address=1, values=(1,)), "1 values for READ_COILS"),
    ],
)
async def test_what_no_meter_may_be_asked_is_refused(
    virtual_clock: VirtualClock, request_: Request, text: str
) -> None:
    stage = virtual_stage(virtual_clock)
    with pytest.raises(ValueError, match=text):
        await stage.link.transact(request_, 0.3)
    assert stage.requests == []
