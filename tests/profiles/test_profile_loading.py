"""A profile's YAML becomes the record that the field layer works with."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from profile_texts import SMALL, changed, faults_of, load_text

from hub.contracts.links import Function
from hub.contracts.profiles import (
    Counter,
    Frame,
    Kind,
    Order,
    Profile,
    Range,
    Status,
    Step,
    WordType,
    decode,
    denied,
    multiplied,
)


@pytest.fixture
def small(tmp_path: Path) -> Profile:
    return load_text(tmp_path, SMALL)


def test_what_the_file_says_stands_in_the_profile(small: Profile) -> None:
    assert (small.id, small.vendor, small.models, small.status) == ("small", "Nobody", ("S1",), Status.DOCUMENTED)
    power = small.point("power")
    assert (power.function, power.address, power.count, power.type) == (3, 0x48, 2, WordType.F32)
    assert (power.unit, power.group, power.kind, power.scale) == ("W", "fast", Kind.GAUGE, Decimal(1))
    assert small.capabilities.functions == {1, 3, 5, 16}
    assert small.identity is not None
    assert (small.identity.point.name, small.identity.point.type) == ("serial", WordType.U32)


def test_a_row_of_values_becomes_a_point_for_each(small: Profile) -> None:
    row = [(point.name, point.address) for point in small.points if point.unit == "V"]
    assert row == [("voltage_l1", 0x30), ("voltage_l2", 0x32), ("voltage_l3", 0x34)]


def test_a_row_may_be_a_range_of_numbers_with_a_step(tmp_path: Path) -> None:
    text = changed(("power: {at: 0x0048, unit: W, group: fast}", "month_{k}: {at: 0x0200, each: 0-12, step: 4}"))
    profile = load_text(tmp_path, text)
    assert profile.point("month_0").address == 0x200
    assert profile.point("month_12").address == 0x230


@pytest.mark.parametrize(
    ("case", "entry", "expected"),
    [
        (
            "a float counts in thousandths and never starts again",
            "type: f32, counter: {rate_max_per_h: 69}",
            Counter(modulus_raw=None, scale=-3, rate_max_per_h=Decimal(69)),
        ),
        (
            "hundredths on the wire are hundredths here, and 32 bits roll over",
            "type: u32, scale: 0.01, counter: {rate_max_per_h: 69}",
            Counter(modulus_raw=2**32, scale=-2, rate_max_per_h=Decimal(69)),
        ),
        (
            "watt-hours shown as kilowatt-hours",
            "type: i64, scale: 0.001, counter: {rate_max_per_h: 69}",
            Counter(modulus_raw=None, scale=-3, rate_max_per_h=Decimal(69)),
        ),
        (
            "steps of 0.05 kWh are counted in hundredths, five at a time",
            "type: u32, scale: 0.05, counter: {rate_max_per_h: 69, resolution: 0.01}",
            Counter(modulus_raw=5 * 2**32, scale=-2, rate_max_per_h=Decimal(69)),
        ),
        (
            "a display of six digits and two decimals",
            "type: u32, scale: 0.01, counter: {rate_max_per_h: 69, modulus: 1000000}",
            Counter(modulus_raw=100_000_000, scale=-2, rate_max_per_h=Decimal(69)),
        ),
        (
            "eight decimal digits in two registers",
            "type: bcd, count: 2, scale: 0.1, counter: {rate_max_per_h: 9}",
            Counter(modulus_raw=10**8, scale=-1, rate_max_per_h=Decimal(9)),
        ),
    ],
)
def test_a_counter_is_worked_out_from_its_type(tmp_path: Path, case: str, entry: str, expected: Counter) -> None:
    text = changed(
        (
            "energy_import: {at: 0x0082, unit: kWh, counter: {rate_max_per_h: 69}",
            f"energy_import: {{at: 0x0082, {entry}",
        )
    )
    point = load_text(tmp_path, text).point("energy_import")
    assert point.counter == expected, case
    assert (point.kind, point.minimum, point.is_billing) == (Kind.COUNTER, Decimal(0), True)


def test_a_counter_takes_its_rate_from_the_defaults(tmp_path: Path) -> None:
    text = changed(
        ("defaults: {read: 3, type: f32}", "defaults: {type: f32, counter: {rate_max_per_h: 12.5}}"),
        ("counter: {rate_max_per_h: 69}", "kind: counter"),
    )
    counter = load_text(tmp_path, text).point("energy_import").counter
    assert counter == Counter(modulus_raw=None, scale=-3, rate_max_per_h=Decimal("12.5"))


def test_the_relay_and_its_actions_speak_of_bits_and_seconds(small: Profile) -> None:
    assert small.relay is not None
    assert (small.relay.mask, small.relay.open_value, small.relay.closed_value) == (7, 0, 7)
    close = small.actions["close"]
    assert close.command == Step(function=Function.WRITE_COIL, address=1, values=(1,))
    assert (close.settle_s, close.timeout_s) == (Decimal("0.3"), Decimal(2))


def test_an_action_may_need_a_mode_and_a_password_first(tmp_path: Path) -> None:
    (tmp_path / "secrets.yaml").write_text("meter_password: 4711\n")
    (tmp_path / "secrets.yaml").chmod(0o600)
    before = (
        "open: {before: [{write: 16, at: 0, value: !secret meter_password}, {write: 16, at: 0x1E, value: 0xDD22}], "
    )
    profile = load_text(tmp_path, changed(("open: {command", before + "command")))
    assert [step.values for step in profile.actions["open"].before] == [(4711,), (0xDD22,)]


def test_a_command_may_be_a_magic_word_with_minutes(tmp_path: Path) -> None:
    text = changed(("{write: 5, at: 0x0001, value: 0}", "{write: 16, at: 0x001B, values: [0xAADD, 60]}"))
    command = load_text(tmp_path, text).actions["open"].command
    assert command == Step(function=Function.WRITE_REGISTERS, address=0x1B, values=(0xAADD, 60))


def test_manuals_spelling_is_understood(tmp_path: Path) -> None:
    text = changed(
        ("functions: [1, 3, 5, 16]", "functions: [01, 03, 0x05, 0x10]"),
        ("{read: 3, type: f32}", "{read: 03, type: f32, order: CDAB}"),
        ("models: [S1]", "models: [S1]\nlink: {baud: 2400, format: 8E1}"),
    )
    profile = load_text(tmp_path, text)
    assert profile.point("power").order is Order.CDAB
    assert (profile.link.baud, profile.link.parity, profile.link.stop_bits) == (2400, "E", 1)
    assert profile.link.bits_per_character == 11


def test_ranges_are_of_a_table_and_may_say_why(tmp_path: Path) -> None:
    text = SMALL + "gaps_proven: {holding_registers: 0x0036-0x0047}\nforbidden: {coils: [7, 0x0010 - 0x0020]}\n"
    profile = load_text(tmp_path, text)
    holding, coils = Function.READ_HOLDING_REGISTERS, Function.READ_COILS
    assert profile.deny == (Range(function=holding, first=12, last=13, reason="it clears the energy"),)
    assert profile.gaps_proven == (Range(function=holding, first=0x36, last=0x47),)
    assert profile.forbidden == (Range(function=coils, first=7, last=7), Range(function=coils, first=16, last=32))


@pytest.mark.parametrize(
    ("case", "step", "is_denied"),
    [
        ("the register itself", Step(function=Function.WRITE_REGISTER, address=12, values=(1,)), True),
        ("a write that ends on it", Step(function=Function.WRITE_REGISTERS, address=10, values=(0, 0, 0)), True),
        (
            "a write that begins on its last",
            Step(function=Function.WRITE_REGISTERS, address=13, values=(0, 0)),
            True,
        ),
        ("a write that ends before it", Step(function=Function.WRITE_REGISTERS, address=10, values=(0, 0)), False),
        ("the next register", Step(function=Function.WRITE_REGISTER, address=14, values=(1,)), False),
        ("a coil of the same number", Step(function=Function.WRITE_COIL, address=12, values=(1,)), False),
    ],
)
def test_the_deny_list_holds_for_every_function_that_writes_the_table(
    small: Profile, case: str, step: Step, is_denied: bool
) -> None:
    found = denied(small, step)
    assert (found is not None) is is_denied, case
    assert found is None or found.reason == "it clears the energy"


def test_ratios_multiply_what_they_are_named_for(tmp_path: Path) -> None:
    text = changed(("unit: W, group: fast", "unit: W, multiply_by: ratio"))
    profile = load_text(tmp_path, text)
    assert profile.point("power").multiply_by == ("ratio",)
    value = decode(profile.point("power"), (0x3F00, 0)).value
    assert isinstance(value, Decimal)
    assert multiplied(value, Decimal(40), Decimal("1.5")) == 30


CHANNELS = """\
channels:
  names: [c1, c2, c3]
  step: 0x0100
  points:
    ct: {at: 0x1004, type: u16}
    power: {at: 0x1000, unit: W, multiply_by: [ct, ratio]}
  relay: {read: 1, at: 0x0010, open: 0, closed: 1}
  actions:
    open: {command: {write: 5, at: 0x0010, value: 0}, settle: 0.1, timeout: 1}
    close: {command: {write: 5, at: 0x0010, value: 1}, settle: 0.1, timeout: 1}
"""


def test_a_meter_with_several_circuits_is_one_device_with_many_channels(tmp_path: Path) -> None:
    profile = load_text(tmp_path, SMALL + CHANNELS)
    assert [channel.name for channel in profile.channels] == ["c1", "c2", "c3"]
    third = profile.channels[2]
    assert third.points["power"] is profile.point("c3_power")
    assert third.points["power"].address == 0x1200
    assert third.points["power"].multiply_by == ("c3_ct", "ratio")
    assert third.relay is not None
    assert third.relay.address == 0x12
    assert third.actions["close"].command == Step(function=Function.WRITE_COIL, address=0x12, values=(1,))
    assert {point.name for point in profile.points} >= {"power", "c1_power", "c2_power", "c3_power"}


def test_circuits_that_run_into_each_other_are_refused(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, SMALL + CHANNELS.replace("step: 0x0100", "step: 1"))
    assert any("c2_power takes 0x1001-0x1002, which c1_power" in fault for fault in faults)


def test_a_circuit_beyond_the_last_address_is_refused(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, SMALL + CHANNELS.replace("step: 0x0100", "step: 0x7800"))
    assert [fault for fault in faults if "c3_power would end at 0x10001, above 0xFFFF" in fault]


def test_frames_are_kept_with_their_bytes(tmp_path: Path) -> None:
    frame = """
frames:
  - name: import
    origin: captured
    request: "01 03 00 82 00 02 64 23"
    reply: "01 03 04 42 28 00 00 6E 43"
    expect: {energy_import: 42}
"""
    [kept] = load_text(tmp_path, SMALL + frame).frames
    assert isinstance(kept, Frame)
    assert kept.request == bytes.fromhex("0103008200026423")
    assert kept.expect == {"energy_import": 42}
