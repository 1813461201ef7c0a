"""Runs rules: latches and runs are durable, so a crash fires nothing twice and loses nothing half done.

A crossing sets the latch and opens the run in one transaction; only then comes step 1. Each step's action is called
under a key of run and step, so that repeating it after a crash has its effect once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from itertools import count

from hub.automation.rules import Rule, Threshold
from hub.core import context as contexts
from hub.core.context import Context
from hub.core.durable import Entry
from hub.core.faultpoints import point
from hub.core.plugins import PluginHub
from hub.core.states import GOOD, State, StateChanged
from hub.core.storage import Migration, Reader, StorageError, Tx
from hub.core.supervisor import Backoff

MIGRATIONS = (
    Migration(
        1,
        "latches",
        """
CREATE TABLE automation__latches (
  rule TEXT NOT NULL, trigger INTEGER NOT NULL, entity TEXT NOT NULL, fingerprint TEXT NOT NULL,
  is_set INTEGER NOT NULL, PRIMARY KEY (rule, trigger, entity)) STRICT;
""",
    ),
)

RUNS = "runs"
STORE_PAUSE = Backoff(first_s=1.0, cap_s=30.0)


class Engine:
    """The rules of a site, attached to its states."""

    def __init__(self, hub: PluginHub, rules: list[Rule]) -> None:
        """Take the rules; `start` attaches them."""
        self._hub = hub
        self._rules = rules
        self._latches: dict[tuple[str, int, str], tuple[str, bool]] = {}
        self._turns: dict[tuple[str, int], asyncio.Lock] = {}

    async def start(self) -> None:
        """Take up latches and open runs of earlier starts, then listen."""
        self._latches = await self._hub.db.read(_read_latches)
        open_runs = await self._hub.journal.open_runs(RUNS)
        for rule in self._rules:
            for threshold in rule.thresholds:
                self._attach(rule, threshold)
        for run, entries in open_runs.items():
            self._hub.spawn(f"run {run}", self._resume(run, entries))

    def _attach(self, rule: Rule, threshold: Threshold) -> None:
        self._turns[rule.id, threshold.index] = asyncio.Lock()

        async def changed(event: StateChanged) -> None:
            if event.new is not None:
                await self._judge(rule, threshold, event.new)

        self._hub.bus.subscribe(StateChanged, changed, key=threshold.entity_id)
        state = self._hub.states.get(threshold.entity_id)
        if state is not None:
            self._hub.spawn(f"first look of {rule.id}", self._judge(rule, threshold, state))

    async def _judge(self, rule: Rule, threshold: Threshold, state: State) -> None:
        """Set or take off the latch by a good value; a doubtful one leaves it as it is."""
        if state.quality is not GOOD or isinstance(state.value, (bool, str, type(None))):
            return
        value = Decimal(str(state.value))
        entity = self._stable_id(state.entity_id)
        place = (rule.id, threshold.index, entity)
        async with self._turns[rule.id, threshold.index]:
            known = self._latches.get(place)
            if known is None or known[0] != threshold.fingerprint:
                await self._latch(place, threshold, is_set=threshold.is_beyond(value))
                if threshold.is_beyond(value):
                    self._hub.log.warning(
                        "rule %s adopts %s, which is beyond already (%s); it fires at the next crossing",
                        rule.id, state.entity_id, value,
                    )  # fmt: skip
            elif not known[1] and threshold.is_beyond(value):
                await self._fire(rule, threshold, place, state)
            elif known[1] and threshold.is_recovered(value):
                await self._latch(place, threshold, is_set=False)

    async def _latch(self, place: tuple[str, int, str], threshold: Threshold, *, is_set: bool) -> None:
        await self._hub.db.write(lambda tx: _write_latch(tx, place, threshold.fingerprint, is_set=is_set))
        self._latches[place] = (threshold.fingerprint, is_set)

    async def _fire(self, rule: Rule, threshold: Threshold, place: tuple[str, int, str], state: State) -> None:
        run = self._hub.ids.new()
        opened = {
            "rule": rule.id, "version": rule.version, "trigger": threshold.index,
            "entity_id": state.entity_id, "value": state.value,
        }  # fmt: skip
        cause = state.context.child(run, f"rule:{rule.id}")

        def begin(tx: Tx) -> None:
            _write_latch(tx, place, threshold.fingerprint, is_set=True)
            self._hub.journal.append(tx, RUNS, run, {**opened, "context": cause.id, "parent": cause.parent_id})

        with contexts.use(cause):
            await self._hub.db.write(begin)
            self._latches[place] = (threshold.fingerprint, True)
            point("automation.run_begun")
            self._hub.log.info("rule %s fires: %s is %s", rule.id, state.entity_id, state.value)
            self._hub.spawn(f"run {run}", self._run(rule, run, 0))

    async def _resume(self, run: str, entries: list[Entry]) -> None:
        """Go on with a run of an earlier start; one whose rule is gone or was changed stops, and that is said."""
        first = entries[0].record
        rule = next((rule for rule in self._rules if rule.id == first["rule"]), None)
        if rule is None or rule.version != first["version"]:
            self._hub.log.warning("run %s of rule %s stops: the rule was changed or removed", run, first["rule"])
            await self._hub.db.write(lambda tx: self._hub.journal.close(tx, RUNS, run))
            return
        with contexts.use(Context(first["context"], f"rule:{rule.id}", first["parent"])):
            await self._run(rule, run, len(entries) - 1)

    async def _run(self, rule: Rule, run: str, done: int) -> None:
        for index, step in list(enumerate(rule.steps))[done:]:
            try:
                response = await self._call(step.action, step.data, f"{run}/{index}")
            except Exception as error:  # noqa: BLE001 - a step's error is the run's end, and is told
                self._hub.log.error("rule %s stops at step %d (%s): %s", rule.id, index, step.action, error)
                break
            point("automation.step_done")
            await self._hub.db.write(
                lambda tx, index=index, response=response: self._hub.journal.append(  # type: ignore[misc]
                    tx, RUNS, run, {"step": index, "response": response}
                )
            )
        await self._hub.db.write(lambda tx: self._hub.journal.close(tx, RUNS, run))

    async def _call(self, action: str, data: Mapping[str, object], key: str) -> object:
        """Call a step's action; while the store fails it is no answer, so the same call is made again."""
        for attempt in count(1):
            try:
                return await self._hub.actions.call(action, data, key=key)
            except StorageError as error:
                self._hub.log.warning("step %s waits for the store: %s", key, error)
                await self._hub.clock.sleep(STORE_PAUSE.pause_s(attempt, self._hub.ids))
        raise AssertionError("unreachable: the loop above only ends by returning")

    def _stable_id(self, entity_id: str) -> str:
        entity = self._hub.registry.get(entity_id)
        return entity.id if entity is not None else entity_id


def _read_latches(reader: Reader) -> dict[tuple[str, int, str], tuple[str, bool]]:
    rows = reader.all("SELECT rule, trigger, entity, fingerprint, is_set FROM automation__latches")
    return {(row[0], row[1], row[2]): (row[3], bool(row[4])) for row in rows}


def _write_latch(tx: Tx, place: tuple[str, int, str], fingerprint: str, *, is_set: bool) -> None:
    tx.execute(
        "INSERT INTO automation__latches VALUES (?, ?, ?, ?, ?) ON CONFLICT (rule, trigger, entity)"
        " DO UPDATE SET fingerprint = excluded.fingerprint, is_set = excluded.is_set",
        (*place, fingerprint, int(is_set)),
    )
