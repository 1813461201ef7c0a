"""Everything that can be wrong with a point is said at once, with its place, its field and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from profile_texts import changed, faults_of, load_text

POWER = "power: {at: 0x0048, unit: W, group: fast}"
ENERGY = "counter: {rate_max_per_h: 69}, billing: true"

FAULTS = [
    (
        "an unknown key",
        POWER,
        "power: {at: 0x0048, uint: W}",
        "small.yaml:11:23: profile at points.power: unknown key 'uint'. Did you mean 'unit'?",
    ),
    ("no address", POWER, "power: {unit: W}", "small.yaml:11:10: profile at points.power: missing key 'at'"),
    (
        "an address too high",
        POWER,
        "power: {at: 70000}",
        (
            "small.yaml:11:15: profile at points.power.at: expected an address from 0x0000 to 0xFFFF, "
            "got 70000 (0x11170)"
        ),
    ),
    (
        "hexadecimal without 0x",
        POWER,
        "power: {at: 0048}",
        "got '0048'; hexadecimal begins with 0x. Did you mean 0x0048?",
    ),
    (
        "a value beyond the last address",
        POWER,
        "power: {at: 0xFFFF}",
        "profile at points.power.at: power would end at 0x10000, above 0xFFFF",
    ),
    (
        "a scale of nothing",
        POWER,
        "power: {at: 0x48, scale: 0}",
        "profile at points.power.scale: a scale of 0 would make every value 0",
    ),
    (
        "a minimum above the maximum",
        POWER,
        "power: {at: 0x48, min: 5, max: 4}",
        "profile at points.power.max: the minimum 5 is above the maximum 4",
    ),
    (
        "an unknown group",
        POWER,
        "power: {at: 0x48, group: fats}",
        "profile at points.power.group: expected 'fast' or 'normal' or 'slow', got 'fats'. Did you mean 'fast'?",
    ),
    ("an unknown type", POWER, "power: {at: 0x48, type: f23}", "points.power.type: expected"),
    ("an unknown order", POWER, "power: {at: 0x48, order: abcd}", "got 'abcd'. Did you mean 'ABCD'?"),
    ("an unknown kind", POWER, "power: {at: 0x48, kind: guage}", "got 'guage'. Did you mean 'gauge'?"),
    (
        "a function that reads nothing",
        POWER,
        "power: {at: 0x48, read: 5}",
        "profile at points.power.read: expected the function that reads it: 1 coils, 2",
    ),
    (
        "a function that the meter has not",
        POWER,
        "power: {at: 0x48, read: 4}",
        "power is read by function 4, and capabilities.functions has 1, 3, 5 and 16 only",
    ),
    (
        "a count that does not fit",
        POWER,
        "power: {at: 0x48, count: 4}",
        "profile at points.power.count: count 4 does not fit f32, which takes 2 registers; leave it out",
    ),
    (
        "a text without its length",
        POWER,
        "power: {at: 0x48, type: ascii}",
        "profile at points.power: missing key 'count': how many registers this ascii takes",
    ),
    (
        "a value longer than a read",
        POWER,
        "name: {at: 0x300, type: ascii, count: 61}",
        "name takes 61, the meter answers at most 60 in one read: it would tear",
    ),
    (
        "more characters than registers hold",
        POWER,
        "name: {at: 0x300, type: ascii, count: 6, characters: 13}",
        "13 characters do not fit into 6 registers of 2 each",
    ),
    (
        "a scale for a text",
        POWER,
        "name: {at: 0x300, type: ascii, count: 6, scale: 10}",
        "scale means nothing for ascii",
    ),
    (
        "bits from registers",
        POWER,
        "name: {at: 0x300, type: bits}",
        "bits are read by function 1 or 2, not 3; a register with flags is a u16",
    ),
    (
        "registers from coils",
        POWER,
        "name: {at: 0x300, read: 1, type: u16}",
        "function 1 reads bits, which are no u16",
    ),
    (
        "no-value words too long",
        POWER,
        "p: {at: 0x300, type: u16, not_a_number: 0x7FC00000}",
        "0x7FC00000 does not fit into 1 registers",
    ),
    ("a name that is none", POWER, "Power-1: {at: 0x48}", "'Power-1' is no name; write a-z, 0-9 and single _"),
    ("a reserved name", POWER, "relay: {at: 0x48}", "'relay' has a meaning of its own"),
    (
        "a name twice by a row",
        POWER,
        "voltage_l2: {at: 0x48}",
        "the name 'voltage_l2' is there already, by the entry at small.yaml:10:3",
    ),
    (
        "a row without a place for endings",
        POWER,
        "power: {at: 0x48, each: [l1, l2]}",
        "'power' needs a place for the endings, such as voltage_{phase}",
    ),
    (
        "a place without endings",
        POWER,
        "power_{phase}: {at: 0x48}",
        "{phase} stands for the endings in each: [...], which is not there",
    ),
    (
        "a step shorter than the value",
        POWER,
        "power_{phase}: {at: 0x48, each: [l1, l2], step: 1}",
        "the step 1 is shorter than the value's 2 registers",
    ),
    ("a step alone", POWER, "power: {at: 0x48, step: 4}", "a step goes with each: [...], which is not there"),
    (
        "a value inside another",
        POWER,
        "power: {at: 0x0031}",
        (
            "points.power.at: power takes 0x0031-0x0032, which voltage_l1 at small.yaml:10:3 "
            "takes as another value (0x0030-0x0031, f32)"
        ),
    ),
    ("the same words as another type", POWER, "power: {at: 0x0030, type: u32}", "one of them is wrong"),
    (
        "a value inside the serial number",
        POWER,
        "power: {at: 0x0101, type: u16}",
        "which serial at small.yaml:7:1 takes as another value",
    ),
    (
        "an unknown multiplier",
        POWER,
        "power: {at: 0x48, multiply_by: ration}",
        "profile at points.power.multiply_by: there is no point 'ration'. Did you mean 'ratio'?",
    ),
    (
        "a multiplier that counts",
        POWER,
        "power: {at: 0x48, multiply_by: energy_import}",
        "'energy_import' is no ratio",
    ),
    (
        "a multiplier that is multiplied",
        POWER,
        "power: {at: 0x48, multiply_by: p}\n  p: {at: 0x400, multiply_by: ratio}",
        "'p' is multiplied itself",
    ),
    (
        "a counter without a rate",
        ENERGY,
        "kind: counter",
        "points.energy_import: a counter needs counter: {rate_max_per_h:",
    ),
    ("a rate of nothing", ENERGY, "counter: {rate_max_per_h: 0}", "expected a number above 0"),
    (
        "a resolution between the powers of ten",
        ENERGY,
        "counter: {rate_max_per_h: 9, resolution: 0.05}",
        "the resolution 0.05 is no power of ten",
    ),
    (
        "a resolution that loses digits",
        ENERGY,
        "type: u32, scale: 0.01, counter: {rate_max_per_h: 9, resolution: 0.1}",
        "the resolution 0.1 would lose digits of a register that counts in steps of 0.01",
    ),
    (
        "a counter that goes down",
        ENERGY,
        "type: u32, scale: -1, counter: {rate_max_per_h: 9}",
        "a counter only grows, so its scale is above 0",
    ),
    (
        "a bill for a gauge",
        POWER,
        "power: {at: 0x48, billing: true}",
        "only a counter can be billed; add kind: counter",
    ),
    (
        "a rate for a gauge",
        ENERGY,
        "kind: gauge, counter: {rate_max_per_h: 9}",
        "counter: goes with kind: counter, not gauge",
    ),
    (
        "a pattern that is none",
        '"[1-9][0-9]*"',
        '"[1-9"',
        "profile at identity.pattern: '[1-9' is no regular expression:",
    ),
    (
        "a pattern that fits nothing at all",
        '"[1-9][0-9]*"',
        '"[0-9]*"',
        "fits an empty text, so a meter without a serial number would pass",
    ),
]


@pytest.mark.parametrize(("case", "old", "new", "fault"), FAULTS, ids=[case for case, *_ in FAULTS])
def test_a_profile_with_this_fault_is_refused(tmp_path: Path, case: str, old: str, new: str, fault: str) -> None:
    faults = faults_of(tmp_path, changed((old, new)))
    assert any(fault in one for one in faults), faults
    assert all(one.startswith("small.yaml:") for one in faults), case


def test_all_faults_of_a_file_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = changed(
        ("at: 0x0030", "at: 0x10030"), (POWER, "power: {at: 0x48, group: often}"), ("closed: 7", "closed: open")
    )
    lines = [int(fault.split(":")[1]) for fault in faults_of(tmp_path, text)]
    assert lines == [10, 11, 14]


def test_each_value_that_begins_inside_another_is_named(tmp_path: Path) -> None:
    first = "ratio: {at: 0x0060, type: u64}"
    chain = "inside: {at: 0x0062, type: u64}\n  further: {at: 0x0065, type: u16}"
    faults = faults_of(tmp_path, changed(("ratio: {at: 0x0060, type: u16}", f"{first}\n  {chain}")))
    assert len(faults) == 2
    assert "inside takes 0x0062-0x0065, which ratio at" in faults[0]
    assert "further takes 0x0065, which inside at" in faults[1]


def test_the_same_words_may_carry_two_names(tmp_path: Path) -> None:
    text = changed((POWER, "power: {at: 0x0048}\n  power_kw: {at: 0x0048, scale: 0.001}"))
    assert load_text(tmp_path, text).point("power_kw").address == 0x48


@pytest.mark.parametrize("text", ["", "- a list\n", "profile: small\n", "a: [\n"])
def test_what_is_no_profile_at_all_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    assert all(fault.startswith("small.yaml:") for fault in faults_of(tmp_path, text))
