"""Differences from Home Assistant that the page on rules names: what we do, and what `--home-assistant` does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.automation.rehearse.replay import replay
from hub.sim.rehearsal import rehearse

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"
START = "2026-03-02T08:00:00+00:00"


def state(t: float, value: object, entity_id: str = "sensor.a") -> dict[str, Any]:
    """A line of a trace."""
    return {"t": t, "entity_id": entity_id, "state": value}


def rule(triggers: str, actions: str = "{action: test.ring}", more: str = "") -> str:
    """A rule around triggers and actions."""
    return f"- id: a\n{more}  triggers: [{triggers}]\n  actions: [{actions}]\n"


BELOW = "{trigger: numeric_state, entity_id: sensor.a, below: 10}"
FOR = '{trigger: state, entity_id: switch.a, to: "on", for: 60}'
GO = "{trigger: event, event_type: go}"
NOT_ONE = '{condition: not, conditions: [{condition: state, entity_id: sensor.a, state: "1"}]}'
DELAY = "{delay: 60}, {action: test.ring}"

CASES: dict[str, tuple[str, list[dict[str, Any]], list[float], list[float]]] = {
    "A blip of a value beyond a threshold": (
        rule(BELOW), [state(0, 20), state(1, 5), state(2, "unavailable"), state(3, 5)], [1], [1, 3],
    ),
    "A crossing while the hub is down": (
        rule(BELOW), [state(0, 20), {"t": 2, "restart": 10}, state(5, 5), state(20, 5)], [12], [],
    ),
    "`for` and a restart": (
        rule(FOR), [state(0, "off", "switch.a"), state(1, "on", "switch.a"), {"t": 5, "restart": 10}], [61], [],
    ),
    "`for` and a blip": (
        rule(FOR),
        [
            state(0, "off", "switch.a"), state(1, "on", "switch.a"), state(5, "unavailable", "switch.a"),
            state(6, "on", "switch.a"),
        ],
        [61], [66],
    ),
    "A delay and a restart": (
        rule(GO, DELAY), [{"t": 1, "event": "go"}, {"t": 5, "restart": 10}], [61], [],
    ),
    "A time that was missed": (
        rule('{trigger: time, at: "08:01"}'), [{"t": 50, "restart": 30}], [80], [],
    ),
    "A stale or missing value in a condition": (
        rule(GO, more=f"  conditions: [{NOT_ONE}]\n"),
        [state(0, "unavailable"), {"t": 1, "event": "go"}], [], [1],
    ),
}  # fmt: skip


def rings(text: str, lines: list[dict[str, Any]], *, home_assistant: bool) -> list[object]:
    """When the rule called its action."""
    texts = [json.dumps(line) for line in lines]
    made = replay(text, texts, START, "UTC", 120, virtual_time=rehearse, home_assistant=home_assistant)
    return [call["t"] for call in made]


@pytest.mark.parametrize(("text", "lines", "ours", "theirs"), CASES.values(), ids=CASES)
def test_both_behaviours(text: str, lines: list[dict[str, Any]], ours: list[float], theirs: list[float]) -> None:
    assert rings(text, lines, home_assistant=False) == ours
    assert rings(text, lines, home_assistant=True) == theirs


def test_a_case_shows_a_difference() -> None:
    same = [name for name, (_, _, ours, theirs) in CASES.items() if ours == theirs]
    assert same == []


def test_the_page_has_a_row_for_each() -> None:
    text = PAGE.read_text()
    assert [name for name in CASES if f"| {name} |" not in text] == []
