"""Every shipped profile against its frames, by arithmetic of the tests' own, and against the manuals' facts."""

from __future__ import annotations

import re
from decimal import Decimal
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from rtu_frames import bytes_of, read_reply, read_request, write_reply, write_request

import plugins.kpm_modbus
from hub.contracts.links import Function
from hub.contracts.profiles import (
    Flaw,
    Frame,
    FrameOrigin,
    Point,
    Profile,
    Status,
    Step,
    decode,
    denied,
    find_profile,
    load_profile,
    profile_files,
    profile_folders,
    relay_position,
    serial_text,
)

FOLDER = Path(plugins.kpm_modbus.__file__).parent / "profiles"
PROFILES = {file.stem: load_profile(file) for file in sorted(FOLDER.glob("*.yaml"))}
FRAMES = [(name, frame) for name, profile in PROFILES.items() for frame in profile.frames]
READS = [(name, frame) for name, frame in FRAMES if frame.request[1] <= 4]
WRITES = [(name, frame) for name, frame in FRAMES if frame.request[1] > 4]
SHIPPED = {
    "acrel_adl3000",
    "chint_dtsu666",
    "chint_dtsu666_unscaled",
    "compere_kpm33b",
    "eastron_sdm120",
    "eastron_sdm230",
    "eastron_sdm630",
    "hiking_dds238_2",
    "schneider_iem3000",
}


def titled(frames: list[tuple[str, Frame]]) -> list[str]:
    return [f"{name}: {frame.name}" for name, frame in frames]


def numbers_of(profile: Profile, frame: Frame) -> list[tuple[Point, Decimal]]:
    named = [(name, value) for name, value in frame.expect.items() if isinstance(value, Decimal)]
    return sorted(((profile.point(name), value) for name, value in named), key=lambda one: one[0].address)


def test_these_profiles_are_shipped_and_no_guess_for_others() -> None:
    assert set(PROFILES) == SHIPPED
    models = " ".join(model for profile in PROFILES.values() for model in profile.models)
    assert not re.search(r"KPM31|KPM37|KPM312", models)


def test_they_are_found_through_the_entry_point_of_the_distribution() -> None:
    entry = EntryPoint("kpm_modbus", "plugins.kpm_modbus", "hub.device_profiles")
    folders = profile_folders(points=[entry])
    assert set(profile_files(folders)) == SHIPPED
    assert find_profile("eastron_sdm630", folders) == PROFILES["eastron_sdm630"]


@pytest.mark.parametrize("name", PROFILES)
def test_each_says_what_it_is_and_how_sure(name: str) -> None:
    profile = PROFILES[name]
    assert profile.status is Status.DOCUMENTED
    assert "never tried on a meter" in profile.source
    assert "nverified" in profile.notes
    assert profile.point("energy_import").is_billing
    assert profile.point("energy_import").group == profile.point("power").group == "fast"
    assert {point.unit for point in profile.points if point.name.startswith("power") and point.unit} == {"W"}


@pytest.mark.parametrize("name", PROFILES)
def test_each_has_a_frame_with_energy_one_with_power_and_one_of_each_action(name: str) -> None:
    profile = PROFILES[name]
    expected = {key: value for frame in profile.frames for key, value in frame.expect.items()}
    assert {"energy_import", "power"} <= set(expected)
    assert ("serial" in expected) is (profile.identity is not None)
    actions = {frame.expect["action"] for frame in profile.frames if "action" in frame.expect}
    assert actions == set(profile.actions)


@pytest.mark.parametrize(("name", "frame"), WRITES, ids=titled(WRITES))
def test_an_action_is_these_bytes(name: str, frame: Frame) -> None:
    action = PROFILES[name].actions[str(frame.expect["action"])]
    assert frame.request == write_request(action)
    assert frame.reply == write_reply(action)


@pytest.mark.parametrize(("name", "frame"), READS, ids=titled(READS))
def test_a_read_has_these_bytes(name: str, frame: Frame) -> None:
    address, count = int.from_bytes(frame.request[2:4]), int.from_bytes(frame.request[4:6])
    assert frame.request == read_request(frame.request[1], address, count)
    assert frame.reply == read_reply(frame.reply[1], frame.reply[3:-2])


NUMBERS = [(name, frame) for name, frame in READS if numbers_of(PROFILES[name], frame)]


@pytest.mark.parametrize(("name", "frame"), NUMBERS, ids=titled(NUMBERS))
def test_a_reply_is_exactly_its_values(name: str, frame: Frame) -> None:
    values = numbers_of(PROFILES[name], frame)
    first, last = values[0][0], values[-1][0]
    assert frame.request == read_request(first.function, first.address, last.last - first.address + 1)
    assert frame.reply == read_reply(first.function, b"".join(bytes_of(point, value) for point, value in values))


@pytest.mark.parametrize(("name", "frame"), NUMBERS, ids=titled(NUMBERS))
def test_a_reply_decodes_to_its_values(name: str, frame: Frame) -> None:
    data = frame.reply[3:-2]
    words = tuple(int.from_bytes(data[place : place + 2]) for place in range(0, len(data), 2))
    values = numbers_of(PROFILES[name], frame)
    first = values[0][0].address
    for point, value in values:
        decoded = decode(point, words[point.address - first : point.address - first + point.count])
        assert decoded.flaw is None
        assert isinstance(decoded.value, Decimal | int)
        assert abs(decoded.value - value) <= abs(value) / 2**24, point.name  # a float's nearest
        if point.counter is not None:
            assert decoded.raw == value.scaleb(-point.counter.scale), point.name


OTHERS = [(name, frame) for name, frame in READS if {"serial", "relay"} & set(frame.expect)]


@pytest.mark.parametrize(("name", "frame"), OTHERS, ids=titled(OTHERS))
def test_a_reply_says_who_it_is_or_where_the_relay_stands(name: str, frame: Frame) -> None:
    profile, data = PROFILES[name], frame.reply[3:-2]
    words = tuple(int.from_bytes(data[place : place + 2]) for place in range(0, len(data), 2))
    if "serial" in frame.expect:
        assert profile.identity is not None
        assert serial_text(profile.identity, words) == frame.expect["serial"]
        assert re.fullmatch(profile.identity.pattern, str(frame.expect["serial"]))
        return
    assert profile.relay is not None
    if profile.relay.function.reads_bits:
        words = tuple(data[0] >> place & 1 for place in range(profile.relay.count))
    assert relay_position(profile.relay, words).value == frame.expect["relay"]


def test_the_frames_that_the_kpm33b_manual_prints_are_there_as_printed() -> None:
    frames = PROFILES["compere_kpm33b"].frames
    printed = {frame.request.hex(" ").upper() for frame in frames} | {
        frame.reply.hex(" ").upper() for frame in frames
    }
    assert printed >= {
        "01 01 00 01 00 01 AC 0A",
        "01 01 01 01 90 48",
        "01 01 01 07 10 4A",
        "01 05 00 01 FF 00 DD FA",
        "01 05 00 01 00 00 9C 0A",
        "01 03 00 12 00 07 A4 0D",
        "01 03 00 82 00 02 64 23",
    }
    documented = [frame.name for frame in frames if frame.origin is FrameOrigin.DOCUMENTED]
    assert len(documented) == 4


ADDRESSES = {
    "compere_kpm33b": {
        0x30: "voltage_l1", 0x34: "voltage_l3", 0x36: "current_l1", 0x3C: "voltage_l1_l2", 0x40: "voltage_l3_l1",
        0x42: "power_l1", 0x48: "power", 0x50: "reactive_power", 0x58: "apparent_power", 0x5E: "power_factor_l3",
        0x60: "power_factor", 0x62: "frequency", 0x68: "energy_import_l1", 0x72: "energy_export_l3",
        0x78: "reactive_energy_import_l3", 0x7E: "reactive_energy_export_l3", 0x80: "energy_total",
        0x82: "energy_import", 0x84: "energy_export", 0x8A: "reactive_energy_export", 0x8C: "energy_sharp",
        0x92: "energy_valley", 0x9A: "reactive_energy_valley", 0x9C: "energy_month_0", 0xB4: "energy_month_12",
        0xCE: "reactive_energy_month_12", 0xE8: "energy_sharp_month_12", 0x102: "reactive_energy_sharp_month_12",
        0x11C: "energy_peak_month_12", 0x136: "reactive_energy_peak_month_12", 0x150: "energy_flat_month_12",
        0x16A: "reactive_energy_flat_month_12", 0x184: "energy_valley_month_12",
        0x19E: "reactive_energy_valley_month_12", 0x204: "apparent_demand_l3", 0x0E: "prepaid_energy_left",
        0x1E: "control_mode", 0x20: "prepaid_overdraft", 0x25: "clock_minute_second", 0x26: "load_power_threshold",
    },
    "eastron_sdm630": {
        0x04: "voltage_l3", 0x0A: "current_l3", 0x10: "power_l3", 0x16: "apparent_power_l3",
        0x1C: "reactive_power_l3", 0x22: "power_factor_l3", 0x34: "power", 0x38: "apparent_power",
        0x3C: "reactive_power", 0x3E: "power_factor", 0x46: "frequency",
        0x48: "energy_import", 0x4A: "energy_export", 0x156: "energy_total", 0x15E: "energy_import_l3",
    },
    "chint_dtsu666": {
        0x06: "ct_ratio", 0x2004: "voltage_l3_l1", 0x2006: "voltage_l1", 0x200A: "voltage_l3", 0x2010: "current_l3",
        0x2012: "power", 0x2018: "power_l3", 0x2020: "reactive_power_l3", 0x202A: "power_factor",
        0x2030: "power_factor_l3", 0x2044: "frequency", 0x101E: "energy_import", 0x1024: "energy_import_l3",
        0x1028: "energy_export",
    },
    "hiking_dds238_2": {
        0x00: "energy_total", 0x08: "energy_export", 0x0A: "energy_import", 0x0C: "voltage", 0x0D: "current",
        0x0E: "power", 0x0F: "reactive_power", 0x10: "power_factor", 0x11: "frequency",
    },
    "schneider_iem3000": {
        0xBBB: "current_l3", 0xBCB: "voltage_l1_l2", 0xBD7: "voltage_l3", 0xBF1: "power_l3", 0xBF3: "power",
        0xBFB: "reactive_power", 0xC03: "apparent_power", 0xC25: "frequency", 0xC83: "energy_import",
        0xC87: "energy_export",
    },
    "acrel_adl3000": {
        0x00: "energy_total", 0x0A: "energy_import", 0x14: "energy_export", 0x63: "voltage_l3", 0x66: "current_l3",
        0x6A: "power", 0x6E: "reactive_power", 0x72: "apparent_power", 0x76: "power_factor", 0x77: "frequency",
        0x14B: "ct_ratio",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ADDRESSES)
def test_values_stand_where_the_sources_say(name: str) -> None:
    assert {PROFILES[name].point(point).address: point for point in ADDRESSES[name].values()} == ADDRESSES[name]


def test_the_kpm33b_is_whole() -> None:
    profile = PROFILES["compere_kpm33b"]
    assert profile.capabilities.functions == {1, 3, 5, 16}
    assert profile.capabilities.has_prepaid
    floats = {point.address for point in profile.points if 0x30 <= point.address < 0x1A0}
    assert floats == set(range(0x30, 0x64, 2)) | set(range(0x68, 0x1A0, 2))
    assert profile.relay is not None
    assert (profile.relay.address, profile.relay.count, profile.relay.closed_value) == (1, 3, 7)
    assert not profile.gaps_proven


@pytest.mark.parametrize(
    ("name", "function", "address", "why"),
    [
        ("compere_kpm33b", 16, 0x00, "password"),
        ("compere_kpm33b", 16, 0x01, "leave the bus"),
        ("compere_kpm33b", 16, 0x02, "leave the bus"),
        ("compere_kpm33b", 16, 0x0C, "clears the energy at once"),
        ("compere_kpm33b", 16, 0x0E, "sets or adds"),
        ("compere_kpm33b", 16, 0x1B, "ambiguous"),
        ("compere_kpm33b", 16, 0x82, "nothing there"),
        ("compere_kpm33b", 5, 0x00, "does not list"),
        ("hiking_dds238_2", 16, 0x00, "erases all counters"),
        ("hiking_dds238_2", 16, 0x15, "leave the bus"),
        ("eastron_sdm630", 16, 0x14, "no load relay"),
    ],
)
def test_what_would_do_harm_is_never_written(name: str, function: int, address: int, why: str) -> None:
    listed = denied(PROFILES[name], Step(function=Function(function), address=address, values=(0,)))
    assert listed is not None
    assert why in listed.reason


@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if profile.relay is None])
def test_a_meter_without_a_load_relay_is_never_written_at_all(name: str) -> None:
    profile = PROFILES[name]
    assert not any(function.is_write for function in profile.capabilities.functions)
    assert denied(profile, Step(function=Function.WRITE_REGISTERS, address=0xFFFF, values=(0,)))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("chint_dtsu666", "chint_dtsu666_unscaled"), ("chint_dtsu666_unscaled", "chint_dtsu666")],
)
def test_the_wrong_variant_of_a_dtsu666_is_flagged(right: str, wrong: str) -> None:
    sent = bytes_of(PROFILES[right].point("voltage_l1"), Decimal(230))
    words = int.from_bytes(sent[:2]), int.from_bytes(sent[2:])
    assert decode(PROFILES[right].point("voltage_l1"), words).flaw is None
    assert decode(PROFILES[wrong].point("voltage_l1"), words).flaw is Flaw.OUT_OF_RANGE


def test_an_acrel_ratio_of_another_width_is_flagged() -> None:
    ratio = PROFILES["acrel_adl3000"].point("ct_ratio")
    assert decode(ratio, (0, 40)).flaw is None
    assert decode(ratio, (40, 0)).flaw is Flaw.OUT_OF_RANGE


def test_acrel_energies_currents_and_powers_are_multiplied_and_voltages_are_not() -> None:
    multiplied = {point.name for point in PROFILES["acrel_adl3000"].points if point.multiply_by}
    assert {"energy_import", "energy_sharp", "current_l1", "power", "apparent_power_l2"} <= multiplied
    assert not {"voltage_l1", "frequency", "power_factor", "ct_ratio"} & multiplied
