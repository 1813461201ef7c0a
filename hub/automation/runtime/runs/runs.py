"""All runs of an engine, put together: what starts them, what they do, who waits for a person, what is known."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.automation.language import Rule, Script
from hub.automation.runtime.conditions import Judge
from hub.automation.runtime.contract import WaitArmer
from hub.automation.runtime.runs import schema
from hub.automation.runtime.runs.ambient import Ambient
from hub.automation.runtime.runs.brake import StormBrake
from hub.automation.runtime.runs.calling import Asked, Caller
from hub.automation.runtime.runs.journal import NoJournal, RunJournal, Spawn
from hub.automation.runtime.runs.library import Library, contents
from hub.automation.runtime.runs.people import WaitingRoom
from hub.automation.runtime.runs.records import Records
from hub.automation.runtime.runs.resuming import Gone, Resuming
from hub.automation.runtime.runs.roster import Roster
from hub.automation.runtime.runs.run import Run
from hub.automation.runtime.runs.scripts import Scripts
from hub.automation.runtime.runs.starting import RunStarter
from hub.automation.runtime.runs.tools import Tools
from hub.automation.runtime.runs.workers import Workers
from hub.automation.runtime.strategies import Strategies
from hub.automation.runtime.timers import Alarms
from hub.automation.runtime.world import RuleWorld
from hub.core.bus import Event
from hub.core.clock import Clock
from hub.core.ids import Ids
from hub.core.plugins import PluginDatabase
from hub.core.storage import Tx


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What runs need of the hub and of the engine."""

    world: RuleWorld
    clock: Clock
    ids: Ids
    db: PluginDatabase
    spawn: Spawn
    publish: Callable[[Event], object]
    caller: Caller
    strategies: Strategies
    providers: Iterable[str] = ()
    on_call: Callable[[Asked], object] = lambda asked: None
    """Told of every call of a run before it is made."""
    on_triggered: Callable[[Run], object] = lambda run: None
    """Told of every run of a rule that begins."""
    on_ended: Callable[[Run], object] = lambda run: None
    """Told of every run that has ended."""
    this: Callable[[str, str], Mapping[str, object]] = lambda kind, name: {}
    """What templates see as `this`, by kind and id."""


class Runs:
    """The runs of one engine."""

    def __init__(self, around: Surroundings) -> None:
        """Put the parts together; `arm_with` and `load` come before the first firing."""
        self._around = around
        is_durable = around.strategies.durable_timers
        self.records = Records(around.db if is_durable else None, around.clock)
        self.roster = Roster(self.records, around.on_ended)
        self.library = Library(tuple(around.providers))
        self._ambient = Ambient(around.this)
        brake = StormBrake()
        self.starter = RunStarter(
            self.roster, self.library, around.ids, around.strategies, self._ambient, brake, around.on_triggered
        )
        self.scripts = Scripts(self.roster, self.library, self._ambient, brake)
        self.waiting = WaitingRoom(self.roster)
        self.judge = Judge(around.world, sees_text=not around.strategies.latches)
        self.journal = RunJournal(around.db, around.clock, around.ids, around.spawn) if is_durable else NoJournal()

    def arm_with(self, armer: WaitArmer, alarms: Alarms) -> None:
        """Take what arms the triggers of waits, and what rings at their ends."""
        around = self._around
        self.roster.tools = Tools(
            around.world, self.judge, armer, alarms, around.clock, self.journal, around.caller, self.scripts,
            self.waiting, around.publish, Workers(around.spawn), around.on_call, not around.strategies.latches,
        )  # fmt: skip

    async def load(self) -> None:
        """Take up what is known of rules and scripts."""
        await self.records.load()

    async def keep_definitions(self, definitions: Iterable[Rule | Script], *, purges: bool = False) -> None:
        """Write down the contents that new runs will be pinned to; `purges` drops those that no run needs."""
        if self.journal.is_durable:
            known = contents(definitions)

            def write(tx: Tx) -> None:
                if purges:
                    schema.purge_definitions(tx)
                schema.write_definitions(tx, known)

            await self._around.db.write(write, origin="definitions")

    async def resume(self, gone: Gone) -> int:
        """Go on with the runs of earlier starts; how many there are."""
        if not self.journal.is_durable:
            return 0
        rows = await self._around.db.read(schema.read_runs)
        texts = await self._around.db.read(schema.read_definitions)
        for run in Resuming(self.roster, self.library, texts).resume(rows, gone, self._ambient):
            self.roster.start_soon(run)
        return len(self.roster)

    def cancel_of(self, kind: str, name: str, reason: str) -> None:
        """End all runs of a rule or script, and what they have called with them."""
        for run in self.roster:
            if (run.program.kind, run.program.definition.id) == (kind, name):
                self.roster.cancel(run, reason)

    def under_way(self, kind: str, name: str) -> int:
        """How many runs of a rule or script are under way or wait."""
        return self.roster.under_way(kind, name)

    async def stop(self) -> None:
        """Let the runs be; what they have come to is on disk when this returns."""
        self.roster.stop()
        await self.journal.flush()
        await self.records.save()

    def housekeeping(self) -> Coroutine[Any, Any, None]:
        """The work that keeps records and traces on disk, for a task of its own."""
        return self.records.save_for_ever()
