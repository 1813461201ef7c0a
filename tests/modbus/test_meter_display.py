"""Credit on a meter's display: off until its meaning was seen on a bench, then written and looked at."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from field_hall import Field, point_of, start_bus, start_field, write_profile

from hub.contracts.profiles import load_profile
from hub.core.config import ConfigErrors
from hub.sim.field.faults import Fault, FaultKind
from hub.testing import HubHarness

METER = """\
profile: shows_credit
vendor: Nobody
models: [D1]
status: {status}
source: made up
capabilities: {{functions: [3, 16], registers_max: 60, has_prepaid: true}}
identity: {{at: 0x0100, type: u32, pattern: "[1-9][0-9]*"}}
defaults: {{read: 3, type: f32, counter: {{resolution: 0.001, rate_max_per_h: 69}}}}
points:
  prepaid_energy_left: {{at: 0x000E, unit: kWh}}
  energy_import: {{at: 0x0082, unit: kWh, kind: counter, group: fast, billing: true}}
balance: {balance}
{deny}
"""
BALANCE = "{point: prepaid_energy_left, write: 16}"
SERIAL = "7001"


def profile(status: str = "bench_tested", balance: str = BALANCE, deny: str = "") -> str:
    return METER.format(status=status, balance=balance, deny=deny)


async def start(hub: HubHarness, status: str) -> Field:
    write_profile(hub, "shows_credit", profile(status))
    field = await start_bus(
        hub,
        [{"unit": 1, "serial": SERIAL, "load_w": 1000, "profile": "shows_credit"}],
        [{"point": point_of(1), "profile": "shows_credit", "unit": 1, "serial": SERIAL}],
    )
    await hub.advance("15 s")
    return field


async def shows(field: Field) -> Decimal:
    await field.hub.advance("70 s")
    value = field.value(1, "prepaid_energy_left")
    assert isinstance(value, Decimal)
    return value


async def show(hub: HubHarness, balance: str) -> None:
    await hub.call("modbus.show_balance", {"point": point_of(1), "balance": balance})


async def test_a_bench_tested_meter_shows_what_it_is_told(hub: HubHarness) -> None:
    field = await start(hub, "bench_tested")
    await show(hub, "42.5")
    assert Decimal("42.4") < await shows(field) <= Decimal("42.5")
    await show(hub, "42.5")  # it sets: telling it again adds nothing
    assert Decimal("42.4") < await shows(field) <= Decimal("42.5")


async def test_a_meter_whose_profile_is_only_documented_is_not_written(hub: HubHarness) -> None:
    field = await start(hub, "documented")
    before = await shows(field)
    with pytest.raises(Exception, match=r"profile shows_credit is documented; .* must be seen on a bench"):
        await show(hub, "42.5")
    assert await shows(field) <= before


async def test_a_shipped_meter_is_not_written(hub: HubHarness) -> None:
    """The KPM33B has the register; whether a write sets or adds, its manual does not say."""
    field = await start_field(hub, 1)
    await hub.advance("15 s")
    with pytest.raises(Exception, match="a compere_kpm33b shows no credit that could be set"):
        await show(hub, "42.5")
    assert field.bus.meters[1].denied_writes == []


@pytest.mark.parametrize(
    ("case", "fault", "says"),
    [
        ("it does not answer", Fault(kind=FaultKind.SILENT, unit=1), "not set for certain"),
        ("another one answers", Fault(kind=FaultKind.SWAPPED, unit=1, serial="7002"), "7002"),
        ("it refuses", Fault(kind=FaultKind.EXCEPTION, unit=1, code=4), "exception 4"),
    ],
)
async def test_what_goes_wrong_is_said(hub: HubHarness, case: str, fault: Fault, says: str) -> None:
    field = await start(hub, "bench_tested")
    field.bus.set_fault(fault)
    with pytest.raises(Exception, match=says):
        await show(hub, "42.5")
    field.bus.clear_faults()
    assert await shows(field) <= 0, case


async def test_a_write_whose_reply_is_lost_is_looked_at(hub: HubHarness) -> None:
    field = await start(hub, "bench_tested")
    field.bus.set_fault(Fault(kind=FaultKind.WRONG_ECHO, unit=1, times=1))
    await show(hub, "42.5")
    assert Decimal("42.4") < await shows(field)


async def test_a_display_that_does_not_follow_is_told(hub: HubHarness) -> None:
    field = await start(hub, "bench_tested")
    field.bus.set_fault(Fault(kind=FaultKind.STUCK_REGISTER, unit=1, point="prepaid_energy_left"))
    with pytest.raises(Exception, match=r"42\.5 was written to its display, and it shows"):
        await show(hub, "42.5")


async def test_a_dead_and_a_quarantined_meter_are_not_written(hub: HubHarness) -> None:
    field = await start(hub, "bench_tested")
    field.device(1).quarantined_for = "another one answered"
    with pytest.raises(Exception, match="quarantined: another one answered"):
        await show(hub, "1")
    field.device(1).quarantined_for = None
    field.bus.silent.add(1)
    await hub.advance("60 s")
    with pytest.raises(Exception, match="its display is not written blindly"):
        await show(hub, "1")


@pytest.mark.parametrize(
    ("case", "text", "says"),
    [
        ("no such point", profile(balance="{point: prepaid_left, write: 16}"), "there is no point 'prepaid_left'"),
        ("a counter", profile(balance="{point: energy_import, write: 16}"), "it must be a gauge"),
        ("a function that writes coils", profile(balance="{point: prepaid_energy_left, write: 5}"), "cannot write"),
        ("a function it lacks", profile(balance="{point: prepaid_energy_left, write: 6}"), "cannot write"),
        (
            "a register that is never written",
            profile(deny="deny: {holding_registers: {at: 0x000E, why: it adds}}"),
            "this writes 0x000E-0x000F, which deny: lists as never written (0x000E, since it adds)",
        ),
    ],
)
def test_a_profile_that_contradicts_itself_about_it_is_refused(
    tmp_path: Path, case: str, text: str, says: str
) -> None:
    file = tmp_path / "shows_credit.yaml"
    file.write_text(text)
    with pytest.raises(ConfigErrors) as caught:
        load_profile(file)
    assert says in str(caught.value), case
    assert "shows_credit.yaml:" in str(caught.value)
