"""A section that cannot work is refused with file, line and figures, by `hub check` and by the plugin alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from field_hall import PROFILE, serial_of

from hub.core.site import load_site
from hub.testing import HubHarness
from plugins.kpm_modbus import hub_check
from plugins.kpm_modbus.plugin import ModbusPlugin

HEAD = """\
site: {name: Mall, time_zone: Asia/Shanghai}
plugins:
  kpm_modbus:
    buses:
"""
BUS = """\
      - id: hall
        link: serial:///dev/ttyUSB0
        meters:
"""
METER = f"          - {{point: stall_01, profile: {PROFILE}, unit: 1, serial: {serial_of(1)}}}\n"
SECOND = METER.replace("stall_01", "stall_02")
OTHER_BUS = BUS.replace("hall", "yard").replace("USB0", "USB1") + SECOND

CASES = {
    "two meters with one address": (
        BUS + METER + SECOND,
        ("hub.yaml:9:62: plugin kpm_modbus at buses[0].meters[1].unit: bus hall: two meters have unit 1; "
        "they would answer at once"),
    ),
    "one point on two meters": (
        BUS + METER + METER.replace("unit: 1", "unit: 2"),
        ("hub.yaml:9:21: plugin kpm_modbus at buses[0].meters[1].point: point 'stall_01' stands on two meters or "
        "circuits; each point has one"),
    ),
    "two buses on one port, with other options": (
        BUS + METER + OTHER_BUS.replace("USB1", "USB0?baud=19200"),
        ("hub.yaml:10:15: plugin kpm_modbus at buses[1].link: buses hall and yard are both on "
        "serial:///dev/ttyUSB0?baud=19200; a port has one master"),
    ),
    "two buses of one name": (
        BUS + METER + OTHER_BUS.replace("yard", "hall"),
        "hub.yaml:9:13: plugin kpm_modbus at buses[1].id: there are two buses 'hall'; give each its own id",
    ),
    "more polls than time": (
        BUS.replace("        meters", "        periods: {fast: 100 ms}\n        meters") + METER,
        ("hub.yaml:7:25: plugin kpm_modbus at buses[0].periods.fast: bus hall: reading the fast group of its 1 "
        "meters takes 127% of the time; give `periods: fast` at least 0.2 s"),
    ),
    "a period of nothing": (
        BUS.replace("        meters", "        periods: {normal: 0 s}\n        meters") + METER,
        ("hub.yaml:7:27: plugin kpm_modbus at buses[0].periods.normal: a period cannot be 0 s; take the group out "
        "of `groups:` instead"),
    ),
    "no group": (
        BUS.replace("        meters", "        groups: []\n        meters") + METER,
        ("hub.yaml:7:17: plugin kpm_modbus at buses[0].groups: name at least one of fast, normal and slow; nothing "
        "would be read"),
    ),
    "a link that nobody knows": (
        BUS.replace("serial:", "seril:") + METER,
        ("hub.yaml:6:15: plugin kpm_modbus at buses[0].link: link 'seril:///dev/ttyUSB0': unknown scheme 'seril'; "
        "use one of serial, tcp-rtu, tcp. Did you mean 'serial'?"),
    ),
    "a profile that nobody has": (
        BUS + METER.replace("kpm33b", "kpm33c"),
        ("hub.yaml:8:40: plugin kpm_modbus at buses[0].meters[0].profile: there is no device profile "
        "'compere_kpm33c'. Did you mean 'compere_kpm33b'?"),
    ),
    "no serial number": (
        BUS + METER.replace(f", serial: {serial_of(1)}", ""),
        (f"hub.yaml:8:13: plugin kpm_modbus at buses[0].meters[0]: unit 1: a {PROFILE} has a serial number; write "
        "it as `serial:`"),
    ),
    "a serial number of another type of meter": (
        BUS + METER.replace(serial_of(1), "S-77"),
        (f"hub.yaml:8:13: plugin kpm_modbus at buses[0].meters[0]: unit 1: no {PROFILE} can have the serial number "
        "'S-77'; read it off again"),
    ),
    "no point": (
        BUS + METER.replace("point: stall_01, ", ""),
        ("hub.yaml:8:13: plugin kpm_modbus at buses[0].meters[0]: unit 1: name the supply point that it feeds as "
        "`point:`"),
    ),
    "a unit that is no number": (
        BUS + METER.replace("unit: 1", "unit: true"),
        (
            "hub.yaml:8:62: plugin kpm_modbus at buses[0].meters[0].unit: expected a whole number from 1 to 247, "
            "got true"
        ),
    ),
}  # fmt: skip


def written(folder: Path, buses: str) -> Path:
    (folder / "hub.yaml").write_text(HEAD + buses, encoding="utf-8")
    return folder


@pytest.mark.parametrize(("buses", "says"), CASES.values(), ids=CASES)
def test_a_check_of_the_site_says_where_and_why(tmp_path: Path, buses: str, says: str) -> None:
    site = load_site(written(tmp_path, buses))
    assert [str(error) for error in hub_check(site)] == [says]


def test_a_sound_section_is_fine(tmp_path: Path) -> None:
    assert list(hub_check(load_site(written(tmp_path, BUS + METER + OTHER_BUS)))) == []


def test_everything_is_told_at_once(tmp_path: Path) -> None:
    buses = BUS.replace("serial:", "seril:") + METER + SECOND.replace("kpm33b", "kpm33c")
    errors = list(hub_check(load_site(written(tmp_path, buses))))
    assert [error.mark.line for error in errors if error.mark is not None] == [6, 9, 9]


@pytest.mark.parametrize(("buses", "says"), CASES.values(), ids=CASES)
async def test_the_plugin_refuses_the_same_in_the_same_words(
    hub: HubHarness, tmp_path: Path, buses: str, says: str
) -> None:
    section = load_site(written(tmp_path, buses)).plugins["kpm_modbus"]
    status = await hub.load_plugin(ModbusPlugin, section)
    assert status.state.value == "failed"
    assert status.reason.startswith(f"{says}\n")
