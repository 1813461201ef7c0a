"""Runs with Home Assistant's strategies, against the answers that Home Assistant itself gave.

Which of two rules goes on first within one instant is an accident, so the calls of each rule are compared.
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
from engine_stage import Stage

from hub.automation.language import load_rules_file
from hub.automation.runtime.runs.calling import Asked
from hub.automation.runtime.strategies import HOME_ASSISTANT
from hub.contracts.custom_events import CustomEvent
from hub.core.clock import to_us
from hub.core.states import BAD
from hub.testing.harness import HubHarness

FOLDER = Path(__file__).parent.parent / "differential" / "cases"
START = "2026-03-02T08:00:00+00:00"
TAIL_S = 600.0


def cases() -> Iterator[Any]:
    """The cases about what runs do."""
    for name in ("actions", "runs", "scripts"):
        for record in yaml.safe_load((FOLDER / f"{name}.yaml").read_text()):
            yield pytest.param(record, id=f"{name}: {record['name']}")


class Play:
    """One case on a stage."""

    def __init__(self, hub: HubHarness, record: dict[str, Any]) -> None:
        self.record = record
        self.stage = Stage(hub, HOME_ASSISTANT, self)
        self.stage.time_zone = ZoneInfo(record.get("tz", "UTC"))
        self.stage.load = self.load
        self.started_us = to_us(datetime.fromisoformat(record.get("start", START)))
        self.responses: dict[str, Any] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.calls: list[dict[str, Any]] = []
        self.text = record["rules"]

    def load(self) -> Any:
        file = self.stage.folder / "case.yaml"
        file.write_text(self.text)
        return load_rules_file(file)

    def call(self, asked: Asked) -> object:
        """Answer whatever is called."""
        return self.responses.get(asked.action, {}) if asked.wants_response else None

    def note(self, asked: Asked) -> None:
        """Write a call down."""
        at_s = (self.stage.hub.clock.now_us() - self.started_us) / 1e6
        self.calls.append({"t": round(at_s, 2), "rule": asked.rule_id, "action": asked.action, "data": asked.data})

    async def run(self) -> None:
        """Feed the lines of the trace."""
        lines = self.record["trace"]
        first = [line for line in lines if line["t"] == 0 and "event" not in line]
        for line in first:
            self._apply(line)
        self.stage.on_call = self.note
        await self.stage.start("[]")
        back_s = 0.0
        for line in lines:
            if line in first:
                continue
            if line["t"] <= back_s:
                continue
            now_s = (self.stage.hub.clock.now_us() - self.started_us) / 1e6
            await self.stage.advance(max(0.0, line["t"] - now_s))
            if "restart" in line:
                back_s = line["t"] + line["restart"]
                await self._restart(line["restart"], [one for one in lines if line["t"] < one["t"] <= back_s])
            elif "reload" in line:
                self.text = self.record["files"][line["reload"]]
                await self.stage.engine.reload()
            else:
                self._apply(line)
            await self.stage.settle()
        await self.stage.advance(self.record.get("tail", TAIL_S))

    async def _restart(self, down_s: float, meanwhile: list[dict[str, Any]]) -> None:
        async def down() -> None:
            await self.stage.hub.advance(down_s)
            for line in meanwhile:
                if "entity_id" in line:
                    self.states[line["entity_id"]] = line
            for line in self.states.values():
                self._apply(line)

        await self.stage.hub.restart(down)

    def _apply(self, line: dict[str, Any]) -> None:
        hub = self.stage.hub
        if "event" in line:
            hub.fire(CustomEvent(event_type=line["event"], data=line.get("data", {})))
        elif "action_result" in line:
            self.responses[line["action_result"]["action"]] = line["action_result"]["response"]
        elif line["state"] is None:
            hub.kernel.states.remove(line["entity_id"])
        else:
            self.states[line["entity_id"]] = line
            value = None if line["state"] in ("unavailable", "unknown") else line["state"]
            quality = {"quality": BAD} if line["state"] == "unavailable" else {}
            hub.set_state(line["entity_id"], value, attributes=line.get("attributes", {}), **quality)


def _by_rule(calls: list[dict[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for call in json.loads(json.dumps(calls, default=_plain)):
        found.setdefault(call["rule"], []).append([float(call["t"]), call["action"], call["data"]])
    return found


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else str(value)


@pytest.mark.parametrize("record", list(cases()))
async def test_as_home_assistant_answers(hub: HubHarness, record: dict[str, Any]) -> None:
    play = Play(hub, record)
    hub.clock.step((play.started_us - hub.clock.now_us()) / 1e6)
    await play.run()
    assert _by_rule(play.calls) == _by_rule(record["calls"])
