"""A site whose rules are full of delays, waits, loops, branches and scripts, and the far side that they act on."""

from __future__ import annotations

import asyncio
from typing import ClassVar
from zoneinfo import ZoneInfo

from records import Records

from hub.automation.language import load_site_rules
from hub.automation.runtime.engine import Engine
from hub.automation.runtime.runs.schema import SQL
from hub.automation.runtime.store import TRIGGER_TABLES
from hub.automation.runtime.world import RuleWorld
from hub.core.actions import Call, Effect
from hub.core.kernel import Kernel
from hub.core.plugins import Manifest, Plugin, PluginHub
from hub.core.storage import Migration, Tx

SENSORS = [f"sensor.s{number}" for number in range(4)]
HIGH = 100
"""What a sensor shows between two crossings; a crossing is a negative number that no other has."""

STEPS = {"begin", "inside", "end"}
"""Done in a transaction, so exactly once for each crossing."""

SENT = {"sent 1", "sent 2"}
SET = {"set 1", "set 2"}

RULES = f"""\
- id: full
  mode: parallel
  max: 1000
  triggers: [{{trigger: numeric_state, entity_id: [{", ".join(SENSORS)}], below: 0, id: low}}]
  variables: {{n: "{{{{ trigger.to_state.state | int }}}}"}}
  actions:
  - action: far.note
    data: {{n: "{{{{ n }}}}", step: begin}}
  - delay: {{milliseconds: 3}}
  - repeat:
      count: 2
      sequence:
      - parallel:
        - action: far.send
          data: {{n: "{{{{ n }}}}", step: "sent {{{{ repeat.index }}}}"}}
        - - delay: {{milliseconds: 2}}
          - action: far.set
            data: {{n: "{{{{ n }}}}", step: "set {{{{ repeat.index }}}}"}}
      - event: round_done
        event_data: {{n: "{{{{ n }}}}"}}
  - wait_for_trigger: [{{trigger: event, event_type: "tripped"}}]
    timeout: {{milliseconds: 20}}
    after_arming:
    - action: far.trip
      data: {{n: "{{{{ n }}}}"}}
      on_unknown: repeat
  - wait_template: "{{{{ is_state('switch.never', 'on') }}}}"
    timeout: {{milliseconds: 3}}
  - choose:
    - conditions: "{{{{ n < 0 }}}}"
      sequence:
      - action: script.helper
        data: {{n: "{{{{ n }}}}"}}
        response_variable: answer
  - action: far.note
    data: {{n: "{{{{ answer.n }}}}", step: end}}
"""
SCRIPTS = """\
helper:
  mode: queued
  max: 1000
  sequence:
  - action: far.note
    data: {n: "{{ n }}", step: inside}
  - delay: {milliseconds: 1}
  - variables: {result: {n: "{{ n }}"}}
  - {stop: "", response_variable: result}
"""


class Outside:
    """What the plugins of this process know of the world; set before the hub starts."""

    records: ClassVar[Records]
    kernel: ClassVar[Kernel]
    engine: ClassVar[Engine]


class Far(Plugin):
    """One action of each effect class."""

    manifest = Manifest(
        "far", "1", "The far side.", is_default=True, critical=True,
        migrations=(
            Migration(1, "notes", "CREATE TABLE far__notes (n INTEGER NOT NULL, step TEXT NOT NULL, key TEXT);"),
        ),
    )  # fmt: skip

    async def setup(self, hub: PluginHub) -> None:
        """Offer the actions."""
        for name, handler, effect in (
            ("far.note", self._note, Effect.TX),
            ("far.set", self._set, Effect.LEVEL),
            ("far.send", self._send, Effect.OUTBOX),
            ("far.trip", self._trip, Effect.UNSAFE),
        ):
            hub.actions.register(name, handler, effect=effect, description="Does it.")

    def _note(self, tx: Tx, call: Call) -> None:
        tx.execute("INSERT INTO far__notes VALUES (?, ?, ?)", (call.data["n"], call.data["step"], call.key))

    async def _set(self, call: Call) -> None:
        Outside.records.arrive(str(call.data["step"]), str(call.data["n"]))

    async def _send(self, call: Call) -> None:
        Outside.records.arrive(str(call.data["step"]), str(call.data["n"]))
        Outside.records.arrive("key of a message", str(call.key))

    async def _trip(self, call: Call) -> None:
        Outside.records.arrive("trip begun", f"{call.data['n']} {call.key}")
        await asyncio.sleep(0.001)
        Outside.records.arrive("trip", str(call.data["n"]))


class Automation(Plugin):
    """The rule engine of the site."""

    manifest = Manifest(
        "automation", "1", "Rules.", is_default=True, critical=True, after=("far",),
        migrations=(Migration(1, "triggers", TRIGGER_TABLES), Migration(2, "runs", SQL)),
    )  # fmt: skip

    async def setup(self, hub: PluginHub) -> None:
        """Start the engine."""
        kernel = Outside.kernel
        world = RuleWorld(kernel.states, kernel.clock, ZoneInfo("UTC"), kernel.registry, kernel.selections)
        Outside.engine = Engine(hub, world, lambda: load_site_rules(hub.site.folder))
        await Outside.engine.start()

    async def stop(self) -> None:
        """Stop it in order."""
        await Outside.engine.stop()
