"""The simulator as a plugin: its configuration, its links, its actions, and faults that come at their time."""

from __future__ import annotations

import textwrap
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from field_stage import RELAY, TIMEOUT_S, outcome

from hub.contracts.links import LINKS, Function, LinkFailed, Reply, Request
from hub.core.config import ConfigDict, ConfigErrors, load
from hub.core.errors import HubError, NotFound
from hub.core.plugins import PluginState, check_section
from hub.sim.field.config import check_whole
from hub.sim.field.faults import FaultKind
from hub.sim.field.plugin import SimulatedField, SimulatorPlugin
from hub.testing.harness import HubHarness

METER = {"unit": 1, "serial": "33B1225950027", "load_w": 6000, "energy_wh": 1234567}
ONE = "{unit: 1, serial: 33B1225950027}"
SIMPLE: dict[str, Any] = {"buses": {"hall": [METER]}}
RICH = """\
buses:
  hall:
    - {unit: 1, serial: 33B1225950027, load_w: 6000}
  north:
    profile: eastron_sdm120
    baud: 19200
    format: 8N1
    turn_ms: [12, 28]
    seed: 7
    meters:
      - {unit: 1, serial: "12345678", load: {pattern: shop, peak_w: 8000}}
      - {unit: 2, serial: "12345679", load: {steps: [{after: 0 s, power_w: 100}, {after: 1 h, power_w: 300}]}}
      - {unit: 3, serial: 33B1225950028, profile: compere_kpm33b, load: 500, turn_ms: 5, prepaid_wh: 9000}
    faults:
      - {kind: silent, unit: 2, after: 10 min, lasts: 5 min, every: 1 h}
      - {kind: late, unit: 1, late: 200 ms}
"""


def section(tmp_path: Path, text: str) -> ConfigDict:
    path = tmp_path / "section.yaml"
    path.write_text(textwrap.dedent(text))
    value = load(path).value
    assert isinstance(value, ConfigDict)
    return value


async def start(hub: HubHarness, config: Any = SIMPLE) -> SimulatedField:
    status = await hub.load_plugin(SimulatorPlugin, config)
    assert status.state is PluginState.RUNNING, status.reason
    field = hub.kernel.services.get(LINKS)
    assert isinstance(field, SimulatedField)
    return field


async def test_a_bus_is_opened_by_its_name(hub: HubHarness) -> None:
    field = await start(hub)
    reply = await field.open("sim://hall").transact(RELAY, TIMEOUT_S)
    assert reply.words == (1, 1, 1)
    with pytest.raises(NotFound, match=r"no simulated bus 'hal'\. Did you mean 'hall'\?"):
        field.open("sim://hal")
    with pytest.raises(NotFound, match="'tcp://hall' is no simulated bus: write sim://"):
        field.open("tcp://hall")


async def test_a_bus_may_say_how_it_runs_and_each_meter_what_it_is(hub: HubHarness, tmp_path: Path) -> None:
    field = await start(hub, section(tmp_path, RICH))
    north = field.buses["north"]
    assert north.timing.character_s == pytest.approx(10 / 19200)
    assert [meter.profile.id for meter in north.meters.values()] == ["eastron_sdm120"] * 2 + ["compere_kpm33b"]
    reply = await north.transact(RELAY_OF_3, TIMEOUT_S)
    assert (reply.words, reply.turn_us) == ((1, 1, 1), 5_000)
    assert north.meters[2].power_w == 100
    assert north.meters[3].main.credit_left_nj() == pytest.approx(9000 * 3_600_000_000_000, rel=1e-4)
    await hub.advance("2 h")
    assert north.meters[2].energy_wh == 400
    assert 0 < north.meters[1].power_w < 10_000


RELAY_OF_3 = Request(unit=3, function=RELAY.function, address=1, count=3)
OF_2 = Request(unit=2, function=Function.READ_INPUT_REGISTERS, address=0, count=2)


async def test_planned_faults_come_go_and_come_again(hub: HubHarness, tmp_path: Path) -> None:
    field = await start(hub, section(tmp_path, RICH))
    north = field.buses["north"]
    seen = []
    for _ in range(16):  # every 5 minutes, from minute 2.5 on
        await hub.advance(150)
        seen.append(isinstance(await outcome(north, OF_2), Reply))
        await hub.advance(149)
    assert [place for place, is_good in enumerate(seen) if not is_good] == [2, 14]
    await hub.unload_plugin("simulator")
    north.clear_faults()
    await hub.advance("52 min")  # it would have come again 2 minutes ago
    assert north.stations.faults == ()


async def test_actions_change_load_faults_and_buttons(hub: HubHarness) -> None:
    field = await start(hub)
    hall = field.buses["hall"]
    await hub.call("simulator.set_load", {"bus": "hall", "unit": 1, "load_w": 250})
    assert hall.meters[1].power_w == 250
    await hub.call("simulator.set_fault", {"bus": "hall", "kind": "silent", "unit": 1, "lasts": "10 s"})
    assert isinstance(await outcome(hall, RELAY), LinkFailed)
    await hub.advance("10 s")
    assert isinstance(await outcome(hall, RELAY), Reply)
    await hub.call("simulator.set_fault", {"bus": "hall", "kind": "noise", "chance": Decimal("0.5")})
    await hub.call("simulator.set_fault", {"bus": "hall", "kind": "late", "late": "2 s", "times": 3})
    assert [(fault.kind, fault.late_us, fault.chance) for fault in hall.stations.faults] == [
        (FaultKind.NOISE, 500_000, 0.5),
        (FaultKind.LATE, 2_000_000, 1.0),
    ]
    await hub.call("simulator.clear_faults", {"bus": "hall", "kind": "late"})
    await hub.call("simulator.clear_faults", {"bus": "hall"})
    assert hall.stations.faults == ()
    assert await hub.call("simulator.press_button", {"bus": "hall", "unit": 1}) is False


@pytest.mark.parametrize(
    ("action", "data", "said"),
    [
        ("set_load", {"bus": "hal", "unit": 1, "load_w": 1}, "no simulated bus 'hal'. Did you mean 'hall'?"),
        (
            "set_load",
            {"bus": "hall", "unit": 9, "load_w": 1},
            "no simulated meter hall/9; bus 'hall' has",
        ),
        ("set_fault", {"bus": "hall", "kind": "silnt"}, "there is no fault 'silnt'. Did you mean 'silent'?"),
        ("set_fault", {"bus": "hall", "kind": "swapped", "unit": 1}, "fault swapped needs a serial"),
        ("set_fault", {"bus": "hall", "kind": "silent", "unit": 9}, "no simulated meter has unit 9 here"),
        ("set_fault", {"bus": "hall", "kind": "stuck_register", "point": "x"}, "a compere_kpm33b has no point 'x'"),
    ],
)
async def test_an_action_that_cannot_be_says_why(
    hub: HubHarness, action: str, data: dict[str, Any], said: str
) -> None:
    await start(hub)
    with pytest.raises((HubError, ConfigErrors)) as refused:
        await hub.call(f"simulator.{action}", data)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("case", "text", "said"),
    [
        (
            "two meters with one unit",
            "buses:\n  hall:\n    - {unit: 1, serial: 33B1225950027}\n    - {unit: 1, serial: 33B1225950028}\n",
            "section.yaml:4:14: plugin simulator: unit 1 stands twice on bus 'hall'; each has one",
        ),
        (
            "a profile that is not there",
            "buses:\n  hall:\n    profile: compere_kpm33\n    meters: [{unit: 1, serial: X}]\n",
            "section.yaml:3:14: plugin simulator: there is no device profile 'compere_kpm33'. Did you mean",
        ),
        (
            "a serial number that no such meter has",
            "buses:\n  hall:\n    - {unit: 1, serial: ABC}\n",
            "section.yaml:3:25: plugin simulator: no compere_kpm33b has the serial number 'ABC': it fits 33B",
        ),
        (
            "a fault that needs more",
            f"buses:\n  hall:\n    meters: [{ONE}]\n    faults:\n      - {{kind: swapped, unit: 1}}\n",
            "section.yaml:5:9: plugin simulator: fault swapped needs a serial",
        ),
        (
            "a fault of nobody",
            f"buses:\n  hall:\n    meters: [{ONE}]\n    faults:\n      - {{kind: silent, unit: 2}}\n",
            "section.yaml:5:30: plugin simulator: bus 'hall' has no unit 2",
        ),
        (
            "circuits that the type does not have",
            "buses:\n  hall:\n    meters: [{unit: 1, serial: 33B1225950027, loads: {c1: 5}}]\n",
            "section.yaml:3:54: plugin simulator: a compere_kpm33b has no circuit 'c1': it has one circuit; write",
        ),
    ],
)
def test_what_is_wrong_as_a_whole_is_told_with_its_line(tmp_path: Path, case: str, text: str, said: str) -> None:
    errors = check_whole(section(tmp_path, text), tmp_path)
    assert [str(error)[: len(said)] for error in errors] == [said], case


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("buses:\n  hall:\n    - {unit: 1, serial: X, lod_w: 1}\n", "section.yaml:3:28: "),
        ("buses:\n  hall:\n    meters: []\n    baud: 9601\n", "section.yaml:4:11: "),
        ("buses:\n  hall:\n    meters: []\n    faults: [{kind: silnt}]\n", "Did you mean 'silent'?"),
        (
            "buses:\n  hall:\n    meters: [{unit: 1, serial: X, load: {pattern: shp, peak_w: 1}}]\n",
            "section.yaml:3:51: ",
        ),
    ],
)
def test_what_the_schema_refuses_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as refused:
        check_section(SimulatorPlugin.manifest, section(tmp_path, text))
    assert said in str(refused.value)


def test_a_good_section_has_nothing_wrong(tmp_path: Path) -> None:
    assert check_whole(section(tmp_path, RICH), tmp_path) == []


async def test_a_wrong_whole_keeps_the_plugin_from_running_and_says_where(hub: HubHarness, tmp_path: Path) -> None:
    wrong = section(tmp_path, "buses:\n  hall:\n    - {unit: 1, serial: ABC}\n")
    status = await hub.load_plugin(SimulatorPlugin, wrong)
    assert status.state is PluginState.FAILED
    assert "section.yaml:3:25" in str(status.reason)
