"""Attaches rules: their triggers, all or none, with what they keep over restarts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from hub.automation.language.model import Rule, Trigger, rendered
from hub.automation.runtime.commits import Commits
from hub.automation.runtime.contract import (
    Firing,
    LatchView,
    Note,
    NoteKind,
    Notes,
    Starter,
    TriggerError,
    TriggerErrors,
    Why,
)
from hub.automation.runtime.runs.packing import Unpacking
from hub.automation.runtime.shelf import Shelf, Shelves
from hub.automation.runtime.store import Move, read_saved
from hub.automation.runtime.strategies import Strategies
from hub.automation.runtime.timers import Alarms
from hub.automation.runtime.triggers import Live, Setting, Shot, Surroundings, attach_trigger
from hub.automation.runtime.world import RuleWorld
from hub.automation.templates import TemplateError
from hub.core.guards.clock_guard import ClockStepped
from hub.core.plugins import PluginHub

C = TypeVar("C")


class AttachedRule:
    """A rule whose triggers are attached."""

    def __init__(self, lives: Sequence[Live]) -> None:
        """Made by `Triggers.attach`."""
        self._lives = lives

    def detach(self) -> None:
        """Fire no more; what is kept over restarts stays until it is forgotten."""
        detach_all(self._lives)

    def latches(self) -> list[LatchView]:
        """How its thresholds stand, sorted by trigger and entity."""
        return sorted(view for live in self._lives for view in live.latches())


class Triggers(Generic[C]):
    """All triggers of an engine; the `Attacher` of the contract."""

    def __init__(
        self, hub: PluginHub, world: RuleWorld, strategies: Strategies, starter: Starter[C], notes: Notes
    ) -> None:
        """Attach in a hub; `load` first."""
        self._hub = hub
        self._starter = starter
        self._notes = notes
        self._world = world
        self._shelves = Shelves(is_durable=strategies.latches and strategies.durable_timers)
        self._alarms = Alarms(hub.clock)
        self.around = Surroundings(hub, world, strategies, self._alarms, Unpacking(world))
        self._commits: Commits[C] = Commits(hub.db.write, hub.spawn, starter, hub.clock, hub.ids, hub.log)
        hub.bus.subscribe(ClockStepped, lambda _: self._alarms.rearm())

    async def load(self) -> None:
        """Take up what earlier starts left; before the first `attach`."""
        if self.around.strategies.latches and self.around.strategies.durable_timers:
            self._shelves.fill(await self._hub.db.read(read_saved))

    def attach(self, rule: Rule, why: Why) -> AttachedRule:
        """Attach a rule's triggers, all or none; raises `TriggerError`.

        What crossed or was due meanwhile fires before it returns.
        """
        try:
            return self.attach_many([rule], why)[rule.id]
        except TriggerErrors as errors:
            raise errors.by_rule[rule.id] from errors

    def attach_many(self, rules: Sequence[Rule], why: Why) -> dict[str, AttachedRule]:
        """Attach rules, all or none: nothing is adopted, dropped or fired before all of them could be attached.

        Raises `TriggerErrors` with the error of each rule that could not.
        """
        lives: dict[str, list[Live]] = {}
        wrong: dict[str, TriggerError] = {}
        for rule in rules:
            try:
                lives[rule.id] = attach_all(self._settings(rule, why))
            except TriggerError as error:
                wrong[rule.id] = error
        if wrong:
            for of_rule in lives.values():
                detach_all(of_rule)
            raise TriggerErrors(wrong)
        for rule in rules:
            self._put(self._shelves.keep_only(rule.id, {trigger.key for trigger in rule.triggers}))
            look_all(lives[rule.id])
        return {rule.id: AttachedRule(lives[rule.id]) for rule in rules}

    def _settings(self, rule: Rule, why: Why) -> list[Setting]:
        where = f"rule {rule.id}"
        try:
            variables = rendered(dict(rule.trigger_variables), lambda one: one.value(self._world))
        except TemplateError as error:
            raise TriggerError(f"{where}: `trigger_variables`: {error}") from error
        assert isinstance(variables, dict)
        emit = self._emitter(rule, variables)
        return [
            Setting(
                self.around, trigger, self._shelves.of(rule.id, trigger.key), why, variables, emit, self._save,
                lambda of, kind, text, entity_id: self._note(rule, of, kind, text, entity_id),
                f"{where}, trigger {trigger.key}", rule.catch_up_s,
            )
            for trigger in rule.triggers
        ]  # fmt: skip

    def forget(self, rule_id: str) -> None:
        """Drop what is kept of a rule that is gone or was switched off."""
        self._put(self._shelves.keep_only(rule_id, set()))

    async def settled(self) -> None:
        """Wait until everything that has fired so far is on disk."""
        await self._commits.settled()

    def stop(self) -> None:
        """Fire no more."""
        self._alarms.stop()
        self._world.close()

    def _emitter(self, rule: Rule, variables: Mapping[str, object]) -> Callable[[Trigger, Shot, Shelf], None]:
        def emit(trigger: Trigger, shot: Shot, shelf: Shelf) -> None:
            seen = variables
            if trigger.variables:
                try:
                    seen = {**variables, **self._own_variables(trigger, variables, shot)}
                except TemplateError as error:
                    self._note(rule, trigger, "error", f"`variables`: {error}", shot.entity_id)
                    self._save(shelf)
                    return
            entity_uid = None if shot.entity_id is None else self._world.uid_of(shot.entity_id)
            firing = Firing(
                rule, trigger, shot.entity_id, entity_uid, shot.data, seen, self._world.now_us(), shot.late_us,
                shot.context,
            )  # fmt: skip
            self._commits.put(shelf.take(), self._starter.consider(firing))

        return emit

    def _own_variables(self, trigger: Trigger, variables: Mapping[str, object], shot: Shot) -> dict[str, object]:
        """A trigger's own variables, each seeing those before it."""
        seen: dict[str, object] = {**variables, "trigger": shot.data}
        made: dict[str, object] = {}
        for name, value in trigger.variables.items():
            made[name] = seen[name] = rendered(value, lambda template: template.value(self._world, seen))
        return made

    def _save(self, shelf: Shelf) -> None:
        self._put(shelf.take())

    def _put(self, moves: Sequence[Move]) -> None:
        if moves:
            self._commits.put(moves)

    def _note(self, rule: Rule, trigger: Trigger, kind: NoteKind, text: str, entity_id: str | None) -> None:
        self._notes.note(Note(rule.id, trigger.key, kind, text, entity_id))


def attach_all(settings: Sequence[Setting]) -> list[Live]:
    """Attach triggers that are switched on, all or none; `look_all` at them then."""
    try:
        return [attach_trigger(setting) for setting in settings if setting.is_enabled()]
    except BaseException:
        for setting in settings:
            setting.take_back()
        raise


def look_all(lives: Sequence[Live]) -> None:
    """Let each trigger look at what is there already."""
    for live in lives:
        live.first_look()


def detach_all(lives: Sequence[Live]) -> None:
    """Detach triggers."""
    for live in lives:
        live.detach()
