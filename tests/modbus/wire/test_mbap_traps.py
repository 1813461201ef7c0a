"""Modbus TCP: a reply is known by its number, so late ones cost nothing; what does not fit is refused as well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from rtu_traps import fails, gives
from wire_peers import Stage, mbap, mbap_reply, read, tcp_stage, virtual_stage, write

from hub.contracts.links import Failure
from hub.sim import VirtualClock

REAL_TIMEOUT_S = 0.25


def number_of(request: bytes) -> int:
    return int.from_bytes(request[:2])


def honest(stage: Stage) -> Callable[[bytes], None]:
    return lambda request: stage.send(mbap_reply(request))


async def a_reply_to_a_previous_transaction_is_dropped(stage: Stage) -> None:
    held: list[bytes] = []
    stage.play(
        lambda request: held.append(mbap_reply(request)),
        lambda request: stage.send(held[0] + mbap_reply(request)),
        stage.silent,
    )
    await fails(stage, read(100), Failure.NO_REPLY)
    await gives(stage, read(200))
    stage.script = lambda request: stage.send(held[0])
    await fails(stage, read(300), Failure.WRONG_TRANSACTION)


async def a_late_reply_needs_no_drain(stage: Stage) -> None:
    stage.play(lambda request: stage.send(mbap_reply(request), 1.2 * stage.timeout_s), honest(stage))
    await fails(stage, read(100), Failure.NO_REPLY)
    await gives(stage, read(200))
    assert stage.request_times_s[1] - stage.request_times_s[0] < 1.1 * stage.timeout_s


async def half_a_late_reply_does_not_break_the_next(stage: Stage) -> None:
    def begin(request: bytes) -> None:
        late = mbap_reply(request)
        stage.send(late[:5])
        stage.play(lambda request: stage.send(late[5:] + mbap_reply(request)))

    stage.script = begin
    await fails(stage, read(100), Failure.WRONG_LENGTH)
    await gives(stage, read(200))


async def a_reply_with_another_function_is_refused(stage: Stage) -> None:
    stage.play(lambda request: stage.send(mbap(number_of(request), 5, b"\x04\x04" + bytes(4))), honest(stage))
    await fails(stage, read(100), Failure.WRONG_FUNCTION)
    await gives(stage, read(200))


async def a_reply_of_another_length_is_refused(stage: Stage) -> None:
    for pdu in (b"\x03\x06" + bytes(6), b"\x03\x04" + bytes(5), b"\x03", b"\x83\x02\x00"):
        stage.play(lambda request, pdu=pdu: stage.send(mbap(number_of(request), 5, pdu)), honest(stage))  # type: ignore[misc]
        await fails(stage, read(100), Failure.WRONG_LENGTH)
        await gives(stage, read(200))


async def a_reply_from_another_unit_is_refused(stage: Stage) -> None:
    stage.play(lambda request: stage.send(mbap(number_of(request), 6, b"\x03\x04" + bytes(4))), honest(stage))
    await fails(stage, read(100), Failure.WRONG_UNIT)
    await gives(stage, read(200))


async def a_write_that_is_confirmed_for_another_value_is_refused(stage: Stage) -> None:
    stage.script = lambda request: stage.send(mbap(number_of(request), 5, b"\x06\x00\x07\x00\x01"))
    await fails(stage, write(7, 2), Failure.WRONG_ECHO)
    assert (await stage.link.transact(write(7, 1), stage.timeout_s)).words == ()


async def a_reply_in_many_chunks_is_put_together(stage: Stage) -> None:
    def split(request: bytes) -> None:
        for place, byte in enumerate(mbap_reply(request)):
            stage.send(bytes((byte,)), 0.001 * (place + 1))

    stage.script = split
    await gives(stage, read(100, 4))


async def an_exception_is_an_answer(stage: Stage) -> None:
    stage.play(lambda request: stage.send(mbap(number_of(request), 5, b"\x83\x02")), honest(stage))
    assert (await fails(stage, read(100), Failure.EXCEPTION)).exception_code == 2
    await gives(stage, read(200))


async def a_gateway_that_answers_for_a_silent_meter_is_no_answer(stage: Stage) -> None:
    for pdu in (b"\x83\x0a", b"\x83\x0b"):
        stage.play(lambda request, pdu=pdu: stage.send(mbap(number_of(request), 5, pdu)), honest(stage))  # type: ignore[misc]
        await fails(stage, read(100), Failure.NO_REPLY)
        await gives(stage, read(200))


async def a_cancelled_request_leaves_nothing_for_the_next(stage: Stage) -> None:
    stage.play(lambda request: stage.send(mbap_reply(request), 0.5 * stage.timeout_s), honest(stage))
    cancelled = asyncio.create_task(stage.link.transact(read(100), stage.timeout_s))
    while not stage.requests:
        await stage.clock.sleep(0.005)
    cancelled.cancel()
    await gives(stage, read(200))
    await stage.clock.sleep(stage.timeout_s)
    await gives(stage, read(300))


async def bytes_that_are_no_modbus_tcp_cost_the_connection(stage: Stage) -> None:
    stage.play(lambda request: stage.send(b"\x05\x03\x04\x00\x64\x00\x65\x3f\x01"), honest(stage))
    await fails(stage, read(100), Failure.WRONG_LENGTH)
    await gives(stage, read(200))
    assert stage.connects == 2


PLAYS: tuple[Callable[[Stage], Awaitable[None]], ...] = (
    a_reply_to_a_previous_transaction_is_dropped,
    a_late_reply_needs_no_drain,
    half_a_late_reply_does_not_break_the_next,
    a_reply_with_another_function_is_refused,
    a_reply_of_another_length_is_refused,
    a_reply_from_another_unit_is_refused,
    a_write_that_is_confirmed_for_another_value_is_refused,
    a_reply_in_many_chunks_is_put_together,
    an_exception_is_an_answer,
    a_gateway_that_answers_for_a_silent_meter_is_no_answer,
    a_cancelled_request_leaves_nothing_for_the_next,
    bytes_that_are_no_modbus_tcp_cost_the_connection,
)
NAMES = [getattr(play, "__name__", "").replace("_", " ") for play in PLAYS]


@pytest.mark.parametrize("play", PLAYS, ids=NAMES)
async def test_in_virtual_time(play: Callable[[Stage], Awaitable[None]], virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock, is_mbap=True)
    await play(stage)
    await stage.link.close()


@pytest.mark.real_time
def test_all_at_once_over_tcp() -> None:
    async def play_on_a_stage(play: Callable[[Stage], Awaitable[None]]) -> None:
        async with tcp_stage("tcp", REAL_TIMEOUT_S) as stage:
            await play(stage)

    async def play_all() -> dict[str, BaseException | None]:
        results = await asyncio.gather(*map(play_on_a_stage, PLAYS), return_exceptions=True)
        return {name: error for name, error in zip(NAMES, results, strict=True) if error is not None}

    assert asyncio.run(play_all()) == {}
