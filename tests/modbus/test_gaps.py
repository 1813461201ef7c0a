"""Gaps between registers: never read across unproven, tried once for each meter, and remembered."""

from __future__ import annotations

import struct

import pytest
from field_hall import Field, point_of, start_bus, write_profile
from made_up_meters import point, profile, span

from hub.contracts.links import Failure, Function, LinkFailed, Request, WireTiming
from hub.contracts.profiles import Range
from hub.sim.field.faults import Fault, FaultKind
from hub.testing import HubHarness
from plugins.kpm_modbus.gaps import Proof, judge_refusal, judge_words
from plugins.kpm_modbus.planner import Gap, Limits, gaps_worth_a_try, plan

LIMITS = Limits(timing=WireTiming.of(9600, 11), turn_s=0.02)
HOLDING = Function.READ_HOLDING_REGISTERS
SERIAL = "7001"

METER = """\
profile: {name}
vendor: Nobody
models: [G1]
status: documented
source: made up
capabilities: {{functions: [3], registers_max: 60}}
identity: {{at: 0x0200, type: u32, pattern: "[1-9][0-9]*"}}
defaults: {{read: 3, type: f32, group: fast}}
points:
  power: {{at: 0x0010, unit: W}}
  energy_import: {{at: 0x0016, unit: kWh, kind: counter, counter: {{resolution: 0.001, rate_max_per_h: 69}},
                  billing: true}}
"""
"""Four unlisted registers lie between the two values: one read of eight is cheaper than two of two."""


def gap_of(first: int = 2, last: int = 3) -> Gap:
    return Gap(
        range=Range(function=HOLDING, first=first, last=last), before=point("a", 0), after=point("b", last + 1)
    )


def words(value: float) -> tuple[int, ...]:
    return struct.unpack(">2H", struct.pack(">f", value))


def test_only_gaps_that_would_save_time_are_worth_a_try() -> None:
    near = profile([point("a", 0), point("b", 6), point("c", 400)])
    [gap] = gaps_worth_a_try(near.points, near, LIMITS, (), ())
    assert (gap.range, gap.before.name, gap.after.name) == (span(2, 5), "a", "b")
    assert (gap.read.address, gap.read.count) == (0, 8)


@pytest.mark.parametrize(
    ("case", "proven", "refused", "forbidden"),
    [
        ("a proven one", [span(2, 5)], [], []),
        ("a refused one", [], [span(2, 5)], []),
        ("a forbidden one", [], [], [span(3, 3)]),
    ],
)
def test_a_gap_that_is_decided_is_not_tried(
    case: str, proven: list[Range], refused: list[Range], forbidden: list[Range]
) -> None:
    meter = profile([point("a", 0), point("b", 6)], forbidden=forbidden)
    assert gaps_worth_a_try(meter.points, meter, LIMITS, proven, refused) == (), case


def test_a_gap_proven_for_the_meter_is_read_across_and_no_other() -> None:
    meter = profile([point("a", 0), point("b", 6), point("c", 12)])
    reads = plan(meter.points, meter, LIMITS, [span(2, 5)]).reads
    assert [(read.address, read.count) for read in reads] == [(0, 8), (12, 2)]


@pytest.mark.parametrize(
    ("case", "across", "earlier", "later", "proof"),
    [
        ("the same value", words(5.5), words(5.5), words(5.5), Proof.READABLE),
        ("it moved before the read", words(6.5), words(5.5), words(6.5), Proof.READABLE),
        ("another value where it stands still", words(7.0), words(5.5), words(5.5), Proof.REFUSED),
        ("zeros where it stands still", words(0.0), words(5.5), words(5.5), Proof.REFUSED),
        ("another value while it moves", words(5.9), words(5.5), words(6.5), Proof.UNSURE),
        ("zeros everywhere", words(0.0), words(0.0), words(0.0), Proof.UNSURE),
    ],
)
def test_the_value_behind_a_gap_is_compared_with_itself_read_alone(
    case: str, across: tuple[int, ...], earlier: tuple[int, ...], later: tuple[int, ...], proof: Proof
) -> None:
    gap = gap_of()
    assert judge_words(gap, (0, 0, 0, 0, *across), earlier, later)[0] is proof, case


@pytest.mark.parametrize(
    ("error", "proof"),
    [
        (LinkFailed(Failure.EXCEPTION, "", exception_code=2), Proof.REFUSED),
        (LinkFailed(Failure.EXCEPTION, "", exception_code=6), Proof.UNSURE),
        (LinkFailed(Failure.NO_REPLY, ""), Proof.REFUSED),
        (LinkFailed(Failure.WRONG_LENGTH, ""), Proof.REFUSED),
        (LinkFailed(Failure.BAD_CRC, ""), Proof.UNSURE),
        (LinkFailed(Failure.DISCONNECTED, ""), Proof.UNSURE),
    ],
)
def test_a_failure_counts_against_a_gap_only_if_the_gap_can_be_why(error: LinkFailed, proof: Proof) -> None:
    assert judge_refusal(error) is proof


async def start(hub: HubHarness, *, can_cross: bool, serial: str = SERIAL) -> Field:
    """A meter that allows reading across the gap or not, whose profile does not say."""
    write_profile(hub, "gapped", METER.format(name="gapped"))
    proven = "gaps_proven: {holding_registers: 0x0012-0x0015}\n" if can_cross else ""
    write_profile(hub, "gapped_really", METER.format(name="gapped_really") + proven)
    return await start_bus(
        hub,
        [{"unit": 1, "serial": serial, "load_w": 2000, "energy_wh": 5000, "profile": "gapped_really"}],
        [{"point": point_of(1), "profile": "gapped", "unit": 1, "serial": serial}],
    )


def asked(field: Field) -> list[tuple[int, int]]:
    """Address and count of every read from now on."""
    seen: list[tuple[int, int]] = []
    ask = field.bus.stations.ask_now

    def note(request: Request) -> object:
        seen.append((request.address, request.count))
        return ask(request)

    field.bus.stations.ask_now = note  # type: ignore[method-assign, assignment]
    return seen


def crossings(reads: list[tuple[int, int]]) -> int:
    return sum(address <= 0x12 < address + count for address, count in reads)


async def test_a_gap_is_read_across_only_after_it_was_proven_on_the_meter(hub: HubHarness) -> None:
    field = await start(hub, can_cross=True)
    seen = asked(field)
    await hub.advance("20 s")
    assert seen[: seen.index((0x10, 8))].count((0x16, 2)) >= 1, "the value behind it was not read alone before"
    seen.clear()
    await hub.advance("60 s")
    assert set(seen) == {(0x10, 8)}
    assert field.value(1, "power") == 2000
    assert field.device(1).gaps == (span(0x12, 0x15),)


async def test_a_gap_that_the_meter_refuses_is_tried_once(hub: HubHarness) -> None:
    field = await start(hub, can_cross=False)
    seen = asked(field)
    await hub.advance("3 h")
    assert crossings(seen) == 1
    assert field.device(1).gaps == ()
    assert field.quality(1, "power") == "good"


async def test_what_was_tried_is_known_after_a_restart(hub: HubHarness) -> None:
    field = await start(hub, can_cross=True)
    await hub.advance("20 s")
    rows = await hub.kernel.db.read(
        lambda reader: reader.all(
            "SELECT profile, holder, function, first, last, is_readable FROM kpm_modbus__gaps"
        ),
        owner="kpm_modbus",
    )
    assert [tuple(row) for row in rows] == [("gapped", SERIAL, 3, 0x12, 0x15, 1)]
    hub.hub.plugins.restart("kpm_modbus")
    seen = asked(field)
    await hub.advance("30 s")
    assert {count for address, count in seen if address == 0x10} == {8}


async def test_another_instrument_has_to_prove_it_anew(hub: HubHarness) -> None:
    field = await start(hub, can_cross=True)
    await hub.advance("20 s")
    device = field.device(1)
    assert list(device.gaps) == [span(0x12, 0x15)]
    await hub.kernel.db.write(lambda tx: field.readings.lift(tx, device.meter, "7002"), owner="kpm_modbus")
    assert list(device.gaps) == []
    field.bus.set_fault(Fault(kind=FaultKind.SWAPPED, unit=1, serial="7002"))
    seen = asked(field)
    await hub.advance("9 s")
    assert (0x16, 2) in seen
    await hub.advance("5 min")
    assert list(device.gaps) == [span(0x12, 0x15)]


async def test_a_read_that_is_refused_later_closes_its_gap_again(hub: HubHarness) -> None:
    """A meter's new firmware may be stricter: the values go on, read apart."""
    field = await start(hub, can_cross=True)
    await hub.advance("20 s")
    field.bus.set_fault(Fault(kind=FaultKind.EXCEPTION, unit=1, code=2, times=1))
    await hub.advance("20 s")
    assert field.device(1).gaps == ()
    seen = asked(field)
    await hub.advance("60 s")
    assert set(seen) == {(0x10, 2), (0x16, 2)}
    assert field.quality(1, "power") == "good"
