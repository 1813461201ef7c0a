"""Ports that vanish and come back: fast refusals while down, slow retries, and a half-open connection found out."""

from __future__ import annotations

import asyncio

import pytest
from rtu_traps import fails, gives
from wire_peers import Stage, read, soon, tcp_stage, virtual_stage, write

from hub.contracts.links import Failure, LinkFailed
from hub.core.clock import SystemClock
from hub.sim import VirtualClock
from plugins.kpm_modbus.wire import open_link
from plugins.kpm_modbus.wire.connection import RETRY_CAP_S
from plugins.kpm_modbus.wire.link import SILENT_LIMIT_S


async def test_a_connection_dropped_in_a_transaction_fails_it_and_comes_back(virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    await gives(stage, read(100))
    stage.play(lambda _: stage.hang_up(), stage.honest)
    failed = await fails(stage, write(1, 1), Failure.DISCONNECTED)
    assert failed.was_sent
    assert str(failed) == "tcp-rtu://peer is down: the other side closed the connection"
    await gives(stage, read(200))
    assert stage.link.record.connects == 2


async def test_while_down_a_request_fails_at_once_and_nothing_was_sent(virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    stage.refuses = True
    await fails(stage, read(100), Failure.DISCONNECTED)
    begun_s = virtual_clock.monotonic()
    failed = await fails(stage, read(100), Failure.DISCONNECTED)
    assert virtual_clock.monotonic() == begun_s
    assert not failed.was_sent
    assert str(failed) == "tcp-rtu://peer is down: connection refused"


async def test_a_port_that_comes_back_is_found_within_the_cap(virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    stage.refuses = True
    await fails(stage, read(100), Failure.DISCONNECTED)
    await virtual_clock.sleep(3600)
    stage.refuses = False
    await virtual_clock.sleep(RETRY_CAP_S + 0.1)
    assert stage.connects == 1
    await gives(stage, read(100))


async def test_a_peer_that_hangs_up_on_every_connection_is_not_asked_without_pause(
    virtual_clock: VirtualClock,
) -> None:
    stage = virtual_stage(virtual_clock)
    stage.script = lambda _: stage.hang_up()
    for _ in range(600):
        with pytest.raises(LinkFailed):
            await stage.link.transact(read(100), 0.3)
        await virtual_clock.sleep(0.1)
    assert stage.connects <= 60 / RETRY_CAP_S + 8


async def test_a_connection_over_which_nothing_comes_is_taken_for_half_open(virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    await gives(stage, read(100))
    stage.script = stage.silent
    begun_s = virtual_clock.monotonic()
    while stage.connects == 1:
        await fails(stage, read(100), Failure.NO_REPLY)
        await virtual_clock.sleep(1)
    assert SILENT_LIMIT_S < virtual_clock.monotonic() - begun_s < SILENT_LIMIT_S + 3
    stage.script = stage.honest
    await virtual_clock.sleep(10)
    await gives(stage, read(100))


async def test_dead_meters_do_not_cost_the_live_ones_their_connection(virtual_clock: VirtualClock) -> None:
    """One byte from anybody is a sign of life, however many others are silent."""
    stage = virtual_stage(virtual_clock)
    stage.script = lambda request: stage.honest(request) if request[0] == 5 else None
    for _ in range(30):
        await gives(stage, read(100))
        for unit in (6, 7, 8, 9):
            await fails(stage, read(100, unit=unit), Failure.NO_REPLY)
    assert stage.connects == 1


async def test_closing_twice_is_closing_once_and_ends_what_waits(virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    stage.script = stage.silent
    waiting = asyncio.create_task(fails(stage, read(100), Failure.DISCONNECTED))
    await virtual_clock.sleep(0.1)
    await stage.link.close()
    await stage.link.close()
    assert str(await waiting) == "tcp-rtu://peer is down: it was closed here"
    await fails(stage, read(100), Failure.DISCONNECTED)
    assert stage.connects == 1


async def test_closing_while_the_port_is_away_stops_the_attempts(virtual_clock: VirtualClock) -> None:
    stage = virtual_stage(virtual_clock)
    stage.refuses = True
    await fails(stage, read(100), Failure.DISCONNECTED)
    await stage.link.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_late_replies_of_an_old_connection_are_drained_from_the_new_one(virtual_clock: VirtualClock) -> None:
    """The bus behind a gateway is the same bus, whoever connects."""
    stage = virtual_stage(virtual_clock)

    def hang_up_with_a_reply_on_the_way(request: bytes) -> None:
        stage.hang_up()
        virtual_clock.call_later(0.05, lambda: stage.honest(request))

    stage.play(stage.honest, hang_up_with_a_reply_on_the_way, stage.honest)
    await gives(stage, read(50))
    await fails(stage, read(100), Failure.DISCONNECTED)
    await gives(stage, read(200))


@pytest.mark.real_time
@pytest.mark.parametrize("scheme", ["tcp", "tcp-rtu"])
def test_a_dropped_gateway_comes_back_for_real(scheme: str) -> None:
    async def main() -> None:
        async with tcp_stage(scheme, 0.5) as stage:
            await gives(stage, read(100))
            stage.hang_up()
            await soon(stage, lambda stage: gives(stage, read(200)))
            assert stage.connects == 2

    asyncio.run(main())


@pytest.mark.real_time
def test_a_refused_connection_is_named_at_once() -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        stage = Stage(SystemClock(), 0.2)
        stage.link = open_link(f"tcp://127.0.0.1:{port}", stage.clock)
        failed = await fails(stage, read(100), Failure.DISCONNECTED)
        assert str(failed).startswith(f"tcp://127.0.0.1:{port} is down: Connect call failed")
        await stage.link.close()

    asyncio.run(main())


@pytest.mark.real_time
def test_a_connection_is_set_up_to_notice_a_peer_that_swallows_everything() -> None:
    import socket

    async def main() -> None:
        async with tcp_stage("tcp", 0.5) as stage:
            await gives(stage, read(100))
            port = stage.link._connection.port
            connection = port._transport.get_extra_info("socket")  # type: ignore[union-attr]
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    asyncio.run(main())
