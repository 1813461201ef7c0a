"""The product's own RTU and Modbus TCP links over simulated bytes, in virtual time: they and the port agree.

Frames and checksums were written twice, apart from each other; here each side checks the other.
"""

from __future__ import annotations

import pytest
from field_stage import OPEN, POWER, RELAY, SIXTY, TIMEOUT_S, bus, line, stations

from hub.contracts.links import Failure, Link, LinkFailed, Reply, Request, WireTiming
from hub.sim import VirtualClock
from hub.sim.field.bus import SimulatedBus
from hub.sim.field.faults import REPLIES, Fault, FaultKind
from hub.sim.field.line import FrontPort, SimulatedLine
from hub.sim.field.mbap import SimulatedGateway
from plugins.kpm_modbus.wire.mbap_link import MbapLink
from plugins.kpm_modbus.wire.ports import Listener
from plugins.kpm_modbus.wire.rtu_link import RtuLink

OF_BYTES = sorted(
    REPLIES - {FaultKind.GATEWAY_DROP, FaultKind.HALF_OPEN, FaultKind.NOISE}, key=lambda kind: kind.value
)


def rtu_link(clock: VirtualClock, wire: SimulatedLine) -> RtuLink:
    async def open_port(listener: Listener) -> FrontPort:
        return wire.connect(listener)

    return RtuLink("sim", clock, open_port, wire.timing, slave_gap_s=0.0, drops_when_silent=True)


async def outcome(link: Link, request: Request) -> tuple[object, ...]:
    try:
        reply: Reply = await link.transact(request, TIMEOUT_S)
    except LinkFailed as failed:
        return failed.reason, failed.exception_code, failed.was_sent
    return reply.words, reply.frame


def shown(request: Request, reply: Reply) -> tuple[object, ...]:
    """What must be alike; the voltages of the long read have moved on."""
    return (len(reply.words), len(reply.frame)) if request is SIXTY else (reply.words, reply.frame)


async def settled(clock: VirtualClock, link: Link) -> None:
    """Get over what a link does when it is fresh: connect, and find out whether the port echoes."""
    for _ in range(3):
        await link.transact(SIXTY, TIMEOUT_S)
    await clock.sleep(1)


@pytest.mark.parametrize("pieces", [1, 4])
@pytest.mark.parametrize("request_", [POWER, SIXTY, RELAY, OPEN], ids=["two", "sixty", "coils", "a write"])
async def test_a_real_link_gets_the_same_reply_in_the_same_time_as_at_the_port(
    virtual_clock: VirtualClock, request_: Request, pieces: int
) -> None:
    wire = line(virtual_clock, pieces=pieces)
    link, port = rtu_link(virtual_clock, wire), bus(virtual_clock)
    await settled(virtual_clock, link)
    real = [await link.transact(request_, TIMEOUT_S) for _ in range(3)]
    await virtual_clock.sleep(1)
    simulated = [await port.transact(request_, TIMEOUT_S) for _ in range(3)]
    assert [shown(request_, reply) for reply in real] == [shown(request_, reply) for reply in simulated]
    for one, other in zip(real, simulated, strict=True):
        assert one.received_us - one.sent_us == pytest.approx(other.received_us - other.sent_us, abs=2)
    assert real[2].sent_us - real[1].sent_us == pytest.approx(simulated[2].sent_us - simulated[1].sent_us, abs=4)
    assert (wire.gap_violations, wire.collisions) == (0, 0)
    await link.close()


@pytest.mark.parametrize("kind", OF_BYTES, ids=lambda kind: kind.value)
async def test_a_fault_ends_alike_and_costs_alike_at_the_port_and_in_bytes(
    virtual_clock: VirtualClock, kind: FaultKind
) -> None:
    wire = line(virtual_clock)
    link, port = rtu_link(virtual_clock, wire), bus(virtual_clock)
    await settled(virtual_clock, link)
    request = OPEN if kind is FaultKind.WRONG_ECHO else POWER
    results = []
    for where, on in ((link, wire.stations), (port, port.stations)):
        on.set_fault(Fault(kind=kind, times=1, late_s=0.33))
        begun_s = virtual_clock.monotonic()
        results.append((await outcome(where, request), virtual_clock.monotonic() - begun_s))
        await virtual_clock.sleep(2)
    (in_bytes, cost_in_bytes_s), (at_port, cost_at_port_s) = results
    assert in_bytes == at_port
    assert cost_in_bytes_s <= cost_at_port_s + 2e-5
    if kind is not FaultKind.LATE:  # which a real link may get over sooner, once the late reply is there
        assert cost_in_bytes_s == pytest.approx(cost_at_port_s, abs=2e-5)
    await link.close()


async def test_a_correct_link_never_takes_a_late_reply_for_anothers_answer(virtual_clock: VirtualClock) -> None:
    wire = line(virtual_clock)
    link = rtu_link(virtual_clock, wire)
    wire.stations.set_fault(Fault(kind=FaultKind.LATE, unit=1, times=1, late_s=0.9))
    assert (await outcome(link, POWER))[0] is Failure.NO_REPLY
    energy = Request(unit=1, function=POWER.function, address=0x82, count=2)
    for _ in range(5):
        answer = await outcome(link, energy)
        assert answer[0] != (0x447A, 0), "that is the power, asked for before"
    await link.close()


@pytest.mark.parametrize("kind", [FaultKind.GATEWAY_DROP, FaultKind.HALF_OPEN], ids=["drop", "half open"])
async def test_a_lost_gateway_comes_back_to_a_real_link(virtual_clock: VirtualClock, kind: FaultKind) -> None:
    wire = line(virtual_clock)
    link = rtu_link(virtual_clock, wire)
    await settled(virtual_clock, link)
    wire.stations.set_fault(Fault(kind=kind))
    assert (await outcome(link, POWER))[0] in {Failure.DISCONNECTED, Failure.NO_REPLY}
    wire.stations.clear_faults()
    await virtual_clock.sleep(60)
    assert (await outcome(link, POWER))[0] == (0x447A, 0)
    await link.close()


async def test_a_real_modbus_tcp_link_reads_through_the_gateway(virtual_clock: VirtualClock) -> None:
    front = SimulatedGateway(virtual_clock, stations(virtual_clock), WireTiming.of(9600))

    async def open_port(listener: Listener) -> FrontPort:
        return front.connect(listener)

    link = MbapLink("sim", virtual_clock, open_port)
    assert (await outcome(link, POWER))[0] == (0x447A, 0)
    front.stations.set_fault(Fault(kind=FaultKind.FOREIGN_FRAME, times=1))
    assert (await outcome(link, POWER))[0] == (0x447A, 0)
    front.stations.set_fault(Fault(kind=FaultKind.WRONG_LENGTH, times=1))
    assert (await outcome(link, POWER))[0] is Failure.WRONG_LENGTH
    assert (await outcome(link, OPEN))[0] == ()
    await link.close()


def test_a_simulated_bus_is_a_link(virtual_clock: VirtualClock) -> None:
    link: Link = SimulatedBus(virtual_clock, {})
    assert link.timing == WireTiming.of(9600)
