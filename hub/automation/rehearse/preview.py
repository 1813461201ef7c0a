"""Whom a rule would hit now, and what it would call: asked of the running hub, and nothing of it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypedDict

from hub.automation.language import Loaded, Rule, Script
from hub.automation.runtime.contract import Firing, LatchView, TriggerError
from hub.automation.runtime.runs.calling import Asked
from hub.automation.runtime.runs.packing import Unpacking
from hub.automation.runtime.runs.runs import Runs
from hub.automation.runtime.runs.runs import Surroundings as RunsAround
from hub.automation.runtime.shelf import Shelf
from hub.automation.runtime.strategies import Strategies
from hub.automation.runtime.timers import Alarms
from hub.automation.runtime.triggers import Setting, attach_trigger
from hub.automation.runtime.triggers import Surroundings as TriggersAround
from hub.automation.runtime.waiting import Waits
from hub.automation.runtime.world import RuleWorld
from hub.automation.templates import StateView
from hub.core.context import SYSTEM
from hub.core.plugins import PluginHub

DRY = Strategies(latches=True, durable_timers=False, entity_keys=True)
"""Our own ways, and nothing is written down."""


class Hit(TypedDict):
    """What a rule would do for one entity, or for none."""

    entity_id: str | None
    is_beyond: bool | None
    """Whether it is beyond a threshold of the rule now; None when that cannot be said, or for no entity."""
    reason: str
    outcome: str
    """`finished`, `waits`, `refused`, `failed`; "" for whom it would not run."""
    calls: list[dict[str, object]]


class Preview(TypedDict):
    """What a rule would do now."""

    rule: str
    hits: list[Hit]


class Previewer:
    """Runs rules dry: real conditions and templates, actions that are only noted, and no wait is waited for."""

    def __init__(self, hub: PluginHub, world: RuleWorld, loaded: Loaded, providers: Iterable[str] = ()) -> None:
        """Preview rules that were loaded, with their scripts."""
        self._hub = hub
        self._world = world
        self._loaded = loaded
        self._providers = tuple(providers)

    def of(self, rule: Rule) -> Preview:
        """Whom the rule would hit if everybody who is beyond crossed its thresholds now, and what it would call."""
        views = self._views(rule)
        if not views:
            return {"rule": rule.id, "hits": [self._hit(rule, None)]}
        hits = [self._hit(rule, view) for view in views if view.is_beyond]
        hits += [
            Hit(entity_id=view.entity_id, is_beyond=view.is_beyond, reason=view.reason, outcome="", calls=[])
            for view in views
            if not view.is_beyond
        ]
        return {"rule": rule.id, "hits": hits}

    def _views(self, rule: Rule) -> list[LatchView]:
        """How its thresholds stand; they are attached for a moment and hear nothing."""
        alarms = Alarms(self._hub.clock)
        around = TriggersAround(self._hub, self._world, DRY, alarms, Unpacking(self._world))
        found: list[LatchView] = []
        for trigger in rule.triggers:
            setting = Setting(
                around, trigger, Shelf(rule.id, trigger.key), "enable", {}, lambda *_: None, lambda _: None,
                lambda *_: None, f"rule {rule.id}, trigger {trigger.key}",
            )  # fmt: skip
            try:
                found += attach_trigger(setting).latches()
            except TriggerError:
                continue  # a trigger that cannot be attached hits nobody; `hub rules check` says why
            finally:
                setting.take_back()
        alarms.stop()
        return found

    def _hit(self, rule: Rule, view: LatchView | None) -> Hit:
        calls: list[dict[str, object]] = []
        outcome, reason = self._dry_run(
            rule, view, lambda asked: calls.append({"action": asked.action, "data": dict(asked.data)})
        )
        return {
            "entity_id": None if view is None else view.entity_id,
            "is_beyond": None if view is None else view.is_beyond,
            "reason": reason or ("" if view is None else view.reason), "outcome": outcome, "calls": calls,
        }  # fmt: skip

    def _dry_run(self, rule: Rule, view: LatchView | None, on_call: Callable[[Asked], object]) -> tuple[str, str]:
        hub, world = self._hub, self._world
        alarms = Alarms(hub.clock)
        runs = Runs(
            RunsAround(
                world, hub.clock, hub.ids, hub.db, hub.spawn, lambda event: None, _Nobody(), DRY, self._providers,
                on_call,
            )
        )  # fmt: skip
        runs.arm_with(Waits(TriggersAround(hub, world, DRY, alarms, Unpacking(world))), alarms)
        definitions: list[Rule | Script] = [*self._loaded.rules, *self._loaded.scripts]
        for definition in definitions:
            runs.library.put(definition)
        runs.starter.consider(self._firing(rule, view), is_forced=True)
        ended = runs.records.traces.of("rule", rule.id)
        outcome, reason = "waits", "what comes after a wait or a delay is not shown"
        if ended and ended[0].outcome is not None:
            outcome, reason = ended[0].outcome.value, ended[0].reason
        for run in runs.roster:
            runs.roster.cancel(run, "a preview does not wait")
        runs.roster.stop()
        alarms.stop()
        return outcome, reason

    def _firing(self, rule: Rule, view: LatchView | None) -> Firing:
        data: dict[str, object] = {"platform": None, "id": None, "idx": None, "late_s": 0, "description": "preview"}
        trigger = rule.triggers[0]
        uid = entity_id = None
        if view is not None:
            entity_id = view.entity_id
            uid = self._world.uid_of(entity_id)
            trigger = next(one for one in rule.triggers if one.key == view.trigger_key)
            state = self._world.state(entity_id)
            shown = None if state is None else StateView(self._world, state)
            data |= {
                "platform": "numeric_state", "id": trigger.id, "idx": str(trigger.index), "entity_id": entity_id,
                "from_state": shown, "to_state": shown, "for": None,
            }  # fmt: skip
        return Firing(rule, trigger, entity_id, uid, data, {}, self._world.now_us(), 0, SYSTEM)


class _Nobody:
    """Answers every call with nothing."""

    def call(self, asked: Asked) -> object:
        """An empty response, where one is wanted."""
        return {} if asked.wants_response else None
