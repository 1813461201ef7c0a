"""Triggers and conditions with Home Assistant's strategies, against the answers that Home Assistant itself gave.

Only cases whose rules call actions and do nothing else: the runs have their own tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from rule_house import House

from hub.automation.language.model import Call, Value, rendered
from hub.automation.runtime.conditions import Judge
from hub.automation.runtime.contract import Firing
from hub.automation.runtime.strategies import HOME_ASSISTANT
from hub.contracts.custom_events import CustomEvent
from hub.core.clock import to_us
from hub.core.states import BAD
from hub.testing.harness import HubHarness

FOLDER = Path(__file__).parent.parent / "differential" / "cases"
FILES = ("numeric_state", "state", "template", "conditions", "event_time_start", "runs")
KEYS_OF_RUNS = (
    "delay",
    "wait_",
    "repeat",
    "choose",
    "if:",
    "- event",
    "event:",
    "stop",
    "mode:",
    "variables",
    "restart",
)
START = "2026-03-02T08:00:00+00:00"


def cases() -> Iterator[Any]:
    """The cases that need no runs."""
    for name in FILES:
        for record in yaml.safe_load((FOLDER / f"{name}.yaml").read_text()):
            needs_runs = any(key in record["rules"] for key in KEYS_OF_RUNS) or "files" in record
            needs_runs = needs_runs or any("restart" in line for line in record["trace"])
            if not needs_runs and "initial_state" not in record["rules"] and not record.get("refused"):
                yield pytest.param(record, id=f"{name}: {record['name']}")


class Caller:
    """Calls the actions of a firing at its instant, if its conditions hold."""

    def __init__(self, house: House, started_us: int) -> None:
        """Call in a house; `t` counts from an instant."""
        self.house = house
        self.calls: list[dict[str, Any]] = []
        self.started_us = started_us

    def consider(self, firing: Firing) -> Firing:
        """Judge and call."""
        world = self.house.triggers.around.world
        variables = {**firing.variables, "trigger": firing.trigger_data}
        judge = Judge(world, sees_text=True)
        if not judge.all_of(firing.rule.conditions, variables).passes:
            return firing
        t = (world.now_us() - self.started_us) / 1e6
        for step in firing.rule.actions:
            assert isinstance(step, Call)
            data = rendered(dict[str, Value](step.data), lambda one: one.value(world, variables))  # type: ignore[arg-type]
            self.calls.append({"t": round(t, 2), "rule": firing.rule.id, "action": step.action, "data": data})
        return firing


def _plain(value: object) -> object:
    return json.loads(json.dumps(value, default=lambda one: float(one) if isinstance(one, Decimal) else str(one)))


@pytest.mark.parametrize("record", list(cases()))
async def test_as_home_assistant_answers(hub: HubHarness, record: dict[str, Any]) -> None:
    start_us = to_us(datetime.fromisoformat(record.get("start", START)))
    hub.clock.step((start_us - hub.clock.now_us()) / 1e6)
    house = House(hub, HOME_ASSISTANT)
    house.time_zone = ZoneInfo(record.get("tz", "UTC"))
    caller = Caller(house, start_us)
    house.fired.consider = caller.consider  # type: ignore[method-assign]
    text = record["rules"]
    lines = record["trace"]
    for line in (line for line in lines if line["t"] == 0):
        _apply(house, line)
    await house.start(text)
    for line in (line for line in lines if line["t"] > 0):
        await house.advance((start_us + round(line["t"] * 1e6) - hub.clock.now_us()) / 1e6)
        _apply(house, line)
        await house.settle()
    await house.advance(record.get("tail", 600))
    assert _plain(caller.calls) == _plain(record["calls"])


def _apply(house: House, line: dict[str, Any]) -> None:
    if "event" in line:
        house.hub.fire(CustomEvent(event_type=line["event"], data=line.get("data", {})))
        return
    value = line["state"]
    attributes = line.get("attributes")
    if value is None:
        house.hub.kernel.states.remove(line["entity_id"])
    elif value in ("unavailable", "unknown"):
        quality = {"quality": BAD} if value == "unavailable" else {}
        house.hub.set_state(line["entity_id"], None, attributes=attributes or {}, **quality)
    else:
        house.hub.set_state(line["entity_id"], value, attributes=attributes or {})
