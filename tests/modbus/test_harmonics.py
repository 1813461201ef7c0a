"""Harmonics where the meter has them: slow values in per cent, as total distortion or one by one."""

from __future__ import annotations

from decimal import Decimal

from field_hall import Field, point_of, start_bus, write_profile

from hub.testing import HubHarness

SINGLE = """\
profile: has_harmonics
vendor: Nobody
models: [H1]
status: documented
source: made up
capabilities: {functions: [3], registers_max: 60}
defaults: {read: 3, type: u16}
points:
  voltage_harmonic_{k}_l1: {at: 0x0100, each: 2-15, scale: 0.1, unit: "%", group: slow}
  energy_import: {at: 0x0082, type: u32, scale: 0.01, unit: kWh, kind: counter, counter: {rate_max_per_h: 69},
                  group: fast, billing: true}
"""


async def start(hub: HubHarness, profile: str, serial: str | None) -> Field:
    identity = {} if serial is None else {"serial": serial}
    return await start_bus(
        hub,
        [{"unit": 1, "serial": serial or "1", "load_w": 1000, "profile": profile}],
        [{"point": point_of(1), "profile": profile, "unit": 1, **identity}],
        periods={"fast": "10 s", "slow": "5 min"},
        groups=("fast", "slow"),
    )


async def test_the_sdm630_shows_its_total_distortion(hub: HubHarness) -> None:
    field = await start(hub, "eastron_sdm630", "19050123")
    await hub.advance("6 min")
    names = [f"{what}_thd{phase}" for what in ("voltage", "current") for phase in ("", "_l1", "_l2", "_l3")]
    shown = {name: field.value(1, name) for name in names}
    assert set(shown.values()) == {Decimal("2.4"), Decimal(11)}
    state = hub.kernel.states.get(f"sensor.{point_of(1)}_voltage_thd_l1")
    assert state is not None
    assert (state.unit, state.quality.value) == ("%", "good")


async def test_a_profile_can_name_single_harmonics(hub: HubHarness) -> None:
    write_profile(hub, "has_harmonics", SINGLE)
    field = await start(hub, "has_harmonics", None)
    frames = field.bus.frames
    await hub.advance("6 min")
    shown = [field.value(1, f"voltage_harmonic_{k}_l1") for k in range(2, 16)]
    assert shown == [Decimal("2.4")] * 14
    assert field.bus.frames - frames < 60, "they are read together, and seldom"
