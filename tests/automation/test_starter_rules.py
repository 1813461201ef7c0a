"""The starter rules do what their comments say, each on a small trace in virtual time."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from hub.automation.language import Known, check, load_rules_file
from hub.automation.rehearse.replay import replay
from hub.sim.rehearsal import rehearse

FOLDER = Path(__file__).resolve().parents[2] / "automations"
FILES = sorted(FOLDER.glob("*.yaml"))
MONDAY = "2026-03-02T07:00:00+00:00"
Line = tuple[float, str, object]


def trace(*lines: Line) -> list[str]:
    """Lines of a trace: seconds, entity and state."""
    return [json.dumps({"t": t, "entity_id": entity_id, "state": state}) for t, entity_id, state in lines]


def calls(file: str, rule: str, lines: Sequence[str], tail_s: float = 3600) -> list[tuple[float, str]]:
    """When a rule of a file called which action, with its message or point."""
    made = replay((FOLDER / file).read_text(), lines, MONDAY, "UTC", tail_s, virtual_time=rehearse)
    found = []
    for call in made:
        data = call["data"]
        t = call["t"]
        assert isinstance(data, dict)
        assert isinstance(t, float | int)
        if call["rule"] == rule:
            found.append((float(t), str(data.get("message") or data["point"])))
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_of_starter_rules_is_right_and_explains_each_rule(file: Path) -> None:
    loaded = load_rules_file(file)
    assert (loaded.invalid, [str(one) for one in check(loaded, Known())]) == ((), [])
    text = file.read_text()
    assert len(re.findall(r"^# .*\n- id:", text, re.MULTILINE)) == len(loaded.rules) > 0


BALANCE = trace(
    (0, "sensor.shop_1_balance", 150), (10, "sensor.shop_1_balance", 99.99), (20, "sensor.shop_1_balance", 101),
    (30, "sensor.shop_1_balance", 99), (40, "sensor.shop_1_balance", 50), (50, "sensor.shop_1_balance", 49.5),
    (60, "sensor.shop_1_balance", 0.01), (65, "sensor.shop_1_balance", "unavailable"),
    (70, "sensor.shop_1_balance", 0), (80, "sensor.shop_1_balance", -1), (90, "sensor.shop_1_balance", 130),
    (100, "sensor.shop_1_balance", 80),
)  # fmt: skip

CASES = {
    "the first warning comes once, and again after a recovery": (
        "balance.yaml", "warn_below_100", BALANCE,
        [(10, "shop_1 has 99.99 left."), (100, "shop_1 has 80 left.")],
    ),
    "the second warning is strict": (
        "balance.yaml", "warn_below_50", BALANCE, [(50, "Last warning: shop_1 has 49.5 left.")],
    ),
    "a trip is asked for at zero itself, once": (
        "balance.yaml", "trip_at_zero", BALANCE, [(70, "shop_1 has used up its money."), (70, "shop_1")],
    ),
    "an account that is opened later is meant too": (
        "balance.yaml", "trip_at_zero", trace((10, "sensor.shop_2_balance", 5), (20, "sensor.shop_2_balance", 0)),
        [(20, "shop_2 has used up its money."), (20, "shop_2")],
    ),
    "power is back, and a silent meter that answers again is none": (
        "balance.yaml", "power_is_back",
        trace(
            (0, "binary_sensor.stall_7_relay", True), (5, "binary_sensor.stall_7_relay", "unavailable"),
            (6, "binary_sensor.stall_7_relay", True), (10, "binary_sensor.stall_7_relay", False),
            (20, "binary_sensor.stall_7_relay", True),
        ),
        [(20, "Power is back at stall_7.")],
    ),
    "on Monday who is low is listed": (
        "balance.yaml", "weekly_low_balances",
        trace((0, "sensor.a_balance", 20.5), (0, "sensor.b_balance", 900), (0, "sensor.c_balance", 199)),
        [(3600, "Low this week: a 20.5, c 199.")],
    ),
    "nobody low, no list": ("balance.yaml", "weekly_low_balances", trace((0, "sensor.b_balance", 900)), []),
    "an overload that lasts is told twice": (
        "load.yaml", "overload",
        trace((0, "sensor.kiln_power", 100), (10, "sensor.kiln_power", 12000), (40, "sensor.kiln_power", 12500)),
        [
            (70, "kiln draws 12000 W, more than its 10000 W."),
            (370, "kiln has been over its limit for six minutes: somebody must go there."),
        ],
    ),
    "a short peak is no overload": (
        "load.yaml", "overload",
        trace((0, "sensor.kiln_power", 100), (10, "sensor.kiln_power", 12000), (40, "sensor.kiln_power", 500)), [],
    ),
    "a step at a power factor near one is a heater": (
        "load.yaml", "unauthorised_load",
        trace(
            (0, "sensor.shop_1_power_factor", 0.99), (0, "sensor.shop_1_power", 300),
            (10, "sensor.shop_1_power", 900), (20, "sensor.shop_1_power", 3100),
        ),
        [(20, "shop_1 went from 900 W to 3100 W at a power factor near 1.")],
    ),
    "a motor's step is not": (
        "load.yaml", "unauthorised_load",
        trace(
            (0, "sensor.shop_1_power_factor", 0.8), (0, "sensor.shop_1_power", 300),
            (10, "sensor.shop_1_power", 3000),
        ),
        [],
    ),
    "voltage out of range for ten seconds": (
        "load.yaml", "voltage_out_of_range",
        trace((0, "sensor.x_voltage_l1", 220), (10, "sensor.x_voltage_l1", 190), (60, "sensor.x_voltage_l1", 220),
              (70, "sensor.x_voltage_l1", 250), (75, "sensor.x_voltage_l1", 230)),
        [(20, "x: voltage low, 190 V.")],
    ),
    "what flows past the meters for a quarter of an hour": (
        "load.yaml", "leakage",
        trace((0, "sensor.main_power", 2000), (0, "sensor.shop_1_power", 1000), (0, "sensor.shop_2_power", 900),
              (10, "sensor.main_power", 2500)),
        [(910, "For 15 minutes more than 500 W have flowed past the meters behind the main meter.")],
    ),
    "a silent meter": (
        "field.yaml", "meter_silent",
        [json.dumps({"t": 5, "event": "meter_silent", "data": {"meter": "m7", "points": ["stall_7"]}})],
        [(5, "Meter m7 does not answer.")],
    ),
    "a bus is one fault": (
        "field.yaml", "bus_down",
        [json.dumps({"t": 5, "event": "bus_silent", "data": {"bus": "hall", "meters": 30}})],
        [(5, "Bus hall is down: 30 meters do not answer.")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("file", "rule", "lines", "expected"), CASES.values(), ids=CASES)
def test_a_starter_rule_does_what_it_says(
    file: str, rule: str, lines: list[str], expected: list[tuple[float, str]]
) -> None:
    assert calls(file, rule, lines) == expected
