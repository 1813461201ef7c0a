"""The traps of an RTU bus, each a short play for a link and a scripted peer; tests play them on every medium."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from wire_peers import (
    Stage,
    read,
    read_coils,
    rtu_exception,
    rtu_reply,
    spoil,
    words_at,
    write,
    write_coil,
)

from hub.contracts.links import Failure, LinkFailed, Request
from plugins.kpm_modbus.wire.rtu import rtu_frame

Trap = Callable[[Stage], Awaitable[None]]
TRAPS: dict[str, Trap] = {}


def trap(play: Trap) -> Trap:
    TRAPS[getattr(play, "__name__", "").replace("_", " ")] = play
    return play


async def fails(stage: Stage, request: Request, reason: Failure) -> LinkFailed:
    with pytest.raises(LinkFailed) as caught:
        await stage.link.transact(request, stage.timeout_s)
    assert caught.value.reason is reason, caught.value
    return caught.value


async def gives(stage: Stage, request: Request) -> None:
    """The read gives what the registers hold, whatever came before."""
    reply = await stage.link.transact(request, stage.timeout_s)
    assert reply.words == words_at(request.address, request.count)


@trap
async def a_late_reply_that_comes_during_the_drain_is_not_the_next_reads(stage: Stage) -> None:
    stage.play(lambda request: stage.send(rtu_reply(request), 1.5 * stage.timeout_s), stage.honest)
    await fails(stage, read(100), Failure.NO_REPLY)
    assert stage.link.record.late_replies == 1
    await gives(stage, read(200))
    await gives(stage, read(300))
    assert len(stage.requests) == 3  # what came late is not owed any more


@trap
async def a_late_reply_that_outlasts_the_drain_is_not_the_next_reads(stage: Stage) -> None:
    """The shift of the facts: 100's data for 200, then 200's for 300, and so on."""
    held: list[bytes] = []

    def one_behind(request: bytes) -> None:
        if held:
            stage.send(held.pop(0))
        held.append(rtu_reply(request))

    stage.script = one_behind
    await fails(stage, read(100), Failure.NO_REPLY)
    for address in (200, 300, 400):
        with pytest.raises(LinkFailed):
            await stage.link.transact(read(address), stage.timeout_s)


@trap
async def a_late_reply_and_the_right_one_give_the_right_one(stage: Stage) -> None:
    held: list[bytes] = []
    stage.play(
        lambda request: held.append(rtu_reply(request)),
        lambda request: stage.send(held[0] + rtu_reply(request)),
        stage.honest,
    )
    await fails(stage, read(100), Failure.NO_REPLY)
    await gives(stage, read(200))
    assert stage.link.record.fences == 1


@trap
async def a_reply_with_another_function_is_refused(stage: Stage) -> None:
    stage.play(lambda request: stage.send(rtu_reply(request, function=4)), stage.honest)
    await fails(stage, read(100), Failure.WRONG_FUNCTION)
    await gives(stage, read(200))


@trap
async def a_reply_of_another_length_is_refused(stage: Stage) -> None:
    stage.play(lambda _: stage.send(rtu_frame(5, b"\x03\x06" + bytes(6))), stage.honest)
    await fails(stage, read(100), Failure.WRONG_LENGTH)
    await gives(stage, read(200))


@trap
async def a_reply_from_another_unit_is_refused(stage: Stage) -> None:
    stage.play(lambda request: stage.send(rtu_reply(request, unit=6)), stage.honest)
    await fails(stage, read(100), Failure.WRONG_UNIT)
    assert stage.link.record.foreign_frames == 1
    await gives(stage, read(200))


@trap
async def a_wrong_checksum_is_refused_and_drained(stage: Stage) -> None:
    stage.play(lambda request: stage.send(spoil(rtu_reply(request))), stage.honest)
    await fails(stage, read(100), Failure.BAD_CRC)
    await gives(stage, read(200))
    assert stage.request_times_s[1] - stage.request_times_s[0] >= 1.95 * stage.timeout_s


@trap
async def a_stray_byte_before_a_frame_costs_nothing(stage: Stage) -> None:
    stage.script = lambda request: stage.send(b"\x00" + rtu_reply(request))
    await gives(stage, read(100))
    # Bytes of the unit's own number look like a beginning, and are none.
    stage.script = lambda request: stage.send(b"\x05\x03\x05" + rtu_reply(request))
    await gives(stage, read(200))
    assert stage.link.record.stray_bytes == 4


@trap
async def a_foreign_slaves_frame_in_the_same_chunk_costs_nothing(stage: Stage) -> None:
    stage.script = lambda request: stage.send(rtu_reply(request, unit=9) + rtu_reply(request))
    await gives(stage, read(100))
    stage.script = lambda request: stage.send(rtu_reply(request) + rtu_reply(request, unit=9))
    await gives(stage, read(200))
    assert stage.link.record.foreign_frames == 2


@trap
async def a_frame_inside_a_foreign_slaves_frame_is_not_ours(stage: Stage) -> None:
    def wrapped(request: bytes) -> None:
        inner = rtu_reply(request)
        stage.send(rtu_frame(9, bytes((3, len(inner))) + inner))

    stage.play(wrapped, stage.honest)
    await fails(stage, read(100), Failure.WRONG_UNIT)
    await gives(stage, read(200))


@trap
async def a_reply_in_many_chunks_is_put_together(stage: Stage) -> None:
    def split(request: bytes) -> None:
        for place, byte in enumerate(b"\xff" + rtu_reply(request)):
            stage.send(bytes((byte,)), 0.001 * (place + 1))

    stage.script = split
    await gives(stage, read(100))
    await gives(stage, read(200))


@trap
async def a_cancelled_request_leaves_nothing_for_the_next(stage: Stage) -> None:
    stage.play(lambda request: stage.send(rtu_reply(request), 0.6 * stage.timeout_s), stage.honest)
    cancelled = asyncio.create_task(stage.link.transact(read(100), stage.timeout_s))
    while not stage.requests:
        await stage.clock.sleep(0.005)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await gives(stage, read(200))
    assert stage.link.record.late_replies == 1


@trap
async def a_cancelled_request_whose_reply_never_comes_is_drained(stage: Stage) -> None:
    stage.play(stage.silent, stage.honest)
    cancelled = asyncio.create_task(stage.link.transact(read(100), stage.timeout_s))
    while not stage.requests:
        await stage.clock.sleep(0.005)
    cancelled.cancel()
    await gives(stage, read(200, 4))
    assert stage.request_times_s[1] - stage.request_times_s[0] >= 1.95 * stage.timeout_s


@trap
async def an_exception_is_an_answer(stage: Stage) -> None:
    stage.play(lambda request: stage.send(rtu_exception(request, 2)), stage.honest)
    failed = await fails(stage, read(100), Failure.EXCEPTION)
    assert (failed.exception_code, failed.was_sent) == (2, True)
    await gives(stage, read(200))
    assert stage.request_times_s[1] - stage.request_times_s[0] < stage.timeout_s  # no drain


@trap
async def a_late_refusal_of_one_write_does_not_refuse_the_next(stage: Stage) -> None:
    """Refused means that nothing was switched; the second write was obeyed."""
    held: list[bytes] = []
    stage.play(
        stage.honest,
        lambda request: held.append(rtu_exception(request, 6)),
        lambda request: stage.send(held[0] + rtu_reply(request)),
    )
    await gives(stage, read(100))
    await fails(stage, write_coil(1, 0), Failure.NO_REPLY)
    await fails(stage, write_coil(1, 1), Failure.WRONG_TRANSACTION)


@trap
async def an_echo_is_not_a_confirmation(stage: Stage) -> None:
    """An adapter on two wires hands back what it sends; the echo of a write looks like its reply."""
    stage.script = lambda request: stage.send(request + rtu_reply(request))
    await gives(stage, read(100))
    assert (await stage.link.transact(write(7, 1), stage.timeout_s)).words == ()
    stage.script = stage.send  # the meter is silent, the adapter is not
    await fails(stage, write(7, 0), Failure.NO_REPLY)
    await fails(stage, read(300, 4), Failure.NO_REPLY)
    assert stage.link.record.echoes >= 3


@trap
async def an_echo_is_found_out_before_the_first_write(stage: Stage) -> None:
    stage.script = stage.send
    failed = await fails(stage, write_coil(1, 1), Failure.NO_REPLY)
    assert not failed.was_sent
    assert [request[1] for request in stage.requests] == [1]  # a read of the coil, and nothing else


@trap
async def a_write_that_is_confirmed_for_another_address_or_value_is_refused(stage: Stage) -> None:
    stage.play(
        stage.honest,
        lambda request: stage.send(rtu_frame(request[0], b"\x06\x00\x08\x00\x01")),
        lambda request: stage.send(rtu_frame(request[0], b"\x06\x00\x07\x00\x01")),
    )
    await gives(stage, read(100))
    await fails(stage, write(7, 1), Failure.WRONG_ECHO)
    await fails(stage, write(7, 2), Failure.WRONG_ECHO)


@trap
async def another_masters_transaction_is_not_ours(stage: Stage) -> None:
    def overheard(request: bytes) -> None:
        theirs = rtu_frame(5, b"\x03\x00\x64\x00\x02")
        stage.send(theirs + rtu_reply(theirs))

    stage.play(overheard, stage.honest)
    await fails(stage, read(200), Failure.WRONG_LENGTH)
    assert stage.link.record.has_another_master
    await gives(stage, read(300))


@trap
async def another_master_is_noticed_while_nothing_is_asked(stage: Stage) -> None:
    await gives(stage, read(100))
    stage.send(rtu_reply(rtu_frame(5, b"\x03\x00\x64\x00\x02")), 0.001)
    await stage.clock.sleep(0.01)
    assert not stage.link.record.has_another_master
    stage.send(rtu_frame(7, b"\x03\x00\x64\x00\x02"), 0.001)
    await stage.clock.sleep(0.01)
    assert stage.link.record.has_another_master


@trap
async def bytes_that_nobody_asked_for_are_drained_before_the_next_request(stage: Stage) -> None:
    await gives(stage, read(100))
    stage.send(rtu_reply(rtu_frame(5, b"\x03\x00\x64\x00\x02")), 0.001)
    await stage.clock.sleep(0.01)
    await gives(stage, read(200))
    assert stage.link.record.unasked_bytes == 9


@trap
async def coils_come_as_bits(stage: Stage) -> None:
    reply = await stage.link.transact(read_coils(1, 3), stage.timeout_s)
    assert reply.words == (1, 0, 1)
