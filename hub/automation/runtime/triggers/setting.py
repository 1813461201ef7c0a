"""What a trigger gets when it is attached, and what an attached one is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Literal, NamedTuple, TypeAlias

from hub.automation.language.model import Flag, Length, Targets, Trigger, Value, length_of, rendered
from hub.automation.runtime.contract import LatchView, NoteKind, Stop, TriggerData, TriggerError
from hub.automation.runtime.runs.packing import Unpacking
from hub.automation.runtime.shelf import Shelf
from hub.automation.runtime.strategies import Strategies
from hub.automation.runtime.timers import Alarms
from hub.automation.runtime.world import RuleWorld
from hub.automation.templates import StateView, Template, TemplateError
from hub.core.context import SYSTEM, Context
from hub.core.plugins import PluginHub
from hub.core.states import State, StateChanged

Start: TypeAlias = Literal["start", "reload", "enable", "wait", "resumed"]
"""Why a trigger is attached: as `Why`, or for a wait that begins or goes on after a restart."""


class Shot(NamedTuple):
    """One going off of a trigger, before it is known what it starts."""

    data: TriggerData
    entity_id: str | None = None
    context: Context = SYSTEM
    late_us: int = 0


class Surroundings(NamedTuple):
    """What all triggers of an engine share."""

    hub: PluginHub
    world: RuleWorld
    strategies: Strategies
    alarms: Alarms
    unpack: Unpacking


class Setting:
    """What one trigger gets."""

    __slots__ = (
        "_emit",
        "_note",
        "_save",
        "around",
        "catch_up_s",
        "shelf",
        "start",
        "trigger",
        "undo",
        "variables",
        "where",
    )

    def __init__(
        self,
        around: Surroundings,
        trigger: Trigger,
        shelf: Shelf,
        start: Start,
        variables: Mapping[str, object],
        emit: Callable[[Trigger, Shot, Shelf], None],
        save: Callable[[Shelf], None],
        note: Callable[[Trigger, NoteKind, str, str | None], None],
        where: str,
        catch_up_s: int = 0,
    ) -> None:
        """Attach a trigger in a hub; `where` names its rule or run for people."""
        self.around = around
        self.trigger = trigger
        self.shelf = shelf
        self.start = start
        self.variables = variables
        self.where = where
        self.catch_up_s = catch_up_s
        self.undo: list[Stop] = []
        """What takes back whatever was attached."""
        self._emit = emit
        self._save = save
        self._note = note

    def take_back(self) -> None:
        """Let go of whatever was attached, the last first."""
        while self.undo:
            self.undo.pop()()

    def fire(self, shot: Shot) -> None:
        """The trigger goes off; what its shelf has to write is written with what begins."""
        self._emit(self.trigger, shot, self.shelf)

    def save(self) -> None:
        """Write what its shelf has to write."""
        self._save(self.shelf)

    def note(self, kind: NoteKind, text: str, entity_id: str | None = None) -> None:
        """Tell people why it did not fire."""
        self._note(self.trigger, kind, text, entity_id)

    def watch(self, targets: Targets, changed: Callable[[StateChanged], object]) -> Stop:
        """Call back for changes of the targets, as they come and go."""
        if targets.is_explicit and not self.around.strategies.latches:
            # In the place in line that they have now, though some of the entities may not be there yet.
            stops = [
                self.around.hub.bus.subscribe(StateChanged, changed, key=entity_id)
                for entity_id in dict.fromkeys(targets.selector.entity_ids)
            ]

            def stop_all() -> None:
                for stop in stops:
                    stop()

            return stop_all
        if not targets.only:
            return self.around.hub.watch(targets.selector, StateChanged, changed)
        admitted: dict[str, bool] = {}

        def admit(event: StateChanged) -> None:
            is_admitted = admitted.get(event.entity_id)
            if is_admitted is None:
                is_admitted = admitted[event.entity_id] = targets.admits(event.entity_id)
            if is_admitted:
                changed(event)

        return self.around.hub.watch(targets.selector, StateChanged, admit)

    def data(self, platform: str, **more: object) -> TriggerData:
        """The `trigger` variable, with what all triggers have."""
        trigger = self.trigger
        return {
            "id": trigger.id, "idx": str(trigger.index), "alias": trigger.alias or None, "platform": platform,
            "late_s": 0, **more,
        }  # fmt: skip

    def view(self, state: State | None) -> StateView | None:
        """A state as templates see it."""
        return None if state is None else StateView(self.around.world, state)

    def length(self, length: Length, data: TriggerData) -> timedelta:
        """How long a `for` lasts; raises ValueError or TemplateError."""
        if isinstance(length, timedelta):
            return length
        variables = {**self.variables, "trigger": data}
        return length_of(length, lambda template: template.value(self.around.world, variables))

    def is_enabled(self) -> bool:
        """Whether the trigger is switched on."""
        return flag_of(self.trigger.enabled, self.around.world, self.variables, self.where)

    def rendered(self, value: Value, what: str) -> object:
        """A value with its templates rendered by what is known when a rule is attached; raises `TriggerError`."""
        try:
            return rendered(value, lambda template: template.value(self.around.world, self.variables))
        except TemplateError as error:
            raise TriggerError(f"{self.where}: `{what}`: {error}") from error


def flag_of(flag: Flag, world: RuleWorld, variables: Mapping[str, object], where: str) -> bool:
    """Whether `enabled` says so; raises `TriggerError`."""
    if not isinstance(flag, Template):
        return flag
    try:
        return bool(flag.value(world, variables))
    except TemplateError as error:
        raise TriggerError(f"{where}: `enabled`: {error}") from error


class Live:
    """An attached trigger."""

    def __init__(self, setting: Setting) -> None:
        """Attach it; raises `TriggerError`, with nothing attached."""
        self.setting = setting

    def first_look(self) -> None:
        """Look at what is there already; called once all triggers of the rule are attached."""

    def detach(self) -> None:
        """Fire no more; what is kept over restarts stays."""
        self.setting.take_back()

    def latches(self) -> list[LatchView]:
        """How its entities stand."""
        return []
