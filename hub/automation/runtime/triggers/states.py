"""State triggers: by good values, or by texts where a rule or Home Assistant means the connection too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hub.automation.language.model import Plain, StateTrigger
from hub.automation.runtime.contract import TriggerData
from hub.automation.runtime.doubt import asks_for_availability, doubt
from hub.automation.runtime.triggers.fors import Fors, Running, shown_length
from hub.automation.runtime.triggers.setting import Live, Setting, Shot
from hub.automation.templates import TemplateError
from hub.core.states import GOOD, State, StateChanged

Matches = Callable[[object], bool]


def _matcher(wanted: tuple[Plain, ...] | None, unwanted: tuple[Plain, ...] | None) -> Matches:
    if wanted is not None:
        return lambda value: value in wanted
    if unwanted is not None:
        return lambda value: value not in unwanted
    return lambda _: True


def _plan(trigger: StateTrigger) -> str:
    """What makes a running `for` another one when it changes."""
    parts = [
        trigger.attribute,
        trigger.from_,
        trigger.not_from,
        trigger.to,
        trigger.not_to,
        trigger.takes_any_change,
    ]
    return f"{parts} for {shown_length(trigger.for_)}"


class StateEdges(Live):
    """What both kinds of state triggers share."""

    def __init__(self, setting: Setting, trigger: StateTrigger) -> None:
        """Attach it."""
        super().__init__(setting)
        self.trigger = trigger
        self.world = setting.around.world
        self.fors = Fors(setting, _plan(trigger), self.due)
        setting.undo.append(self.fors.stop)
        self._from = _matcher(trigger.from_, trigger.not_from)
        self._to = _matcher(trigger.to, trigger.not_to)
        self._attribute = trigger.attribute

    def due(self, running: Running) -> None:
        """A `for` is over: had it ended before, it would have been cancelled."""
        self.fors.fire(running)

    def value_of(self, state: State | None) -> object:
        """What of a state is compared."""
        if state is None:
            return None
        return state.text if self._attribute is None else state.attributes.get(self._attribute)

    def is_edge(self, old: State | None, new: State | None) -> bool:
        """Whether a change is what the trigger is about."""
        was, now = self.value_of(old), self.value_of(new)
        if (self._attribute is not None or not self.trigger.takes_any_change) and was == now:
            return False
        return self._from(was) and self._to(now)

    def is_still(self, old_value: object, then_value: object, now: State | None) -> bool:
        """Whether what a running `for` began with still holds: away from `from`, or still at the same value."""
        if now is None:
            return False
        value = self.value_of(now)
        if (self.trigger.from_ is not None and self.trigger.to is None) or self.trigger.leaves_any:
            return value != old_value
        return value == then_value

    def shot(self, entity_id: str, old: State | None, new: State | None) -> tuple[Shot, timedelta] | None:
        """A change as it goes off, and how long it is held back; None for an error in the `for`."""
        view = self.setting.view
        data = self.setting.data(
            "state", entity_id=entity_id, from_state=view(old), to_state=view(new), attribute=self._attribute,
            description=f"state of {entity_id}", **{"for": None},
        )  # fmt: skip
        state = new or old
        assert state is not None
        length = timedelta(0)
        if self.trigger.for_ is not None:
            try:
                length = self.setting.length(self.trigger.for_, self._seen_by_for(data))
            except (ValueError, TemplateError) as error:
                self.setting.note("error", f"`for`: {error}", entity_id)
                return None
            data["for"] = length
        return Shot(data, entity_id, state.context), length

    @staticmethod
    def _seen_by_for(data: TriggerData) -> TriggerData:
        return {name: data[name] for name in ("platform", "entity_id", "from_state", "to_state")}


class StateTexts(StateEdges):
    """By texts, `unavailable` and `unknown` among them, as Home Assistant has it."""

    def __init__(self, setting: Setting, trigger: StateTrigger) -> None:
        """Attach it."""
        super().__init__(setting, trigger)
        self._number = 0
        setting.undo.append(setting.watch(trigger.targets, self._changed))

    def first_look(self) -> None:
        """Go on with the `for`s that still hold, and drop the others."""
        setting = self.setting
        if setting.start not in ("start", "reload"):
            self.fors.drop_kept()
        for running in self.fors.take_up():
            data, entity_id = running.shot.data, running.shot.entity_id or ""
            now = self.world.state(entity_id)
            if self.is_still(_value_shown(self, data, "from_state"), _value_shown(self, data, "to_state"), now):
                self._follow(running, entity_id, data)
            else:
                self.fors.cancel(running.key)
        setting.save()

    def _changed(self, event: StateChanged) -> None:
        old, new = event.old, event.new
        if old is not None and new is not None and _is_same(old, new):
            return
        if not self.is_edge(old, new):
            return
        found = self.shot(event.entity_id, old, new)
        if found is None:
            return
        shot, length = found
        if not length:
            self.setting.fire(shot)
            return
        # Each change has a `for` of its own, though those of an unchanged text run side by side.
        self._number += 1
        is_kept = self.setting.shelf.is_durable
        key = self.world.uid_of(event.entity_id) if is_kept else f"{event.entity_id}#{self._number}"
        self.fors.cancel(key)
        self._follow(self.fors.start(key, length, shot), event.entity_id, shot.data)
        self.setting.save()

    def _follow(self, running: Running, entity_id: str, data: TriggerData) -> None:
        """End a `for` with the first change after which it does not hold any more."""
        was, then = _value_shown(self, data, "from_state"), _value_shown(self, data, "to_state")

        def check(event: StateChanged) -> None:
            if not self.is_still(was, then, event.new) and self.fors.cancel(running.key):
                self.setting.save()

        running.stop = self.setting.around.hub.bus.subscribe(StateChanged, check, key=entity_id)


def _value_shown(edges: StateEdges, data: TriggerData, name: str) -> object:
    """The value that a `for` began with, from the states in its variables."""
    view = data[name]
    if view is None:
        return None
    return edges.value_of(view._state)  # type: ignore[attr-defined]  # noqa: SLF001 - the state behind the view


def _is_same(old: State, new: State) -> bool:
    """Whether only what texts do not show has changed, such as a quality that is not shown."""
    return old.text == new.text and old.attributes == new.attributes and old.unit == new.unit


class StateValues(StateEdges):
    """By good values: what comes between them, and when, is no edge."""

    def __init__(self, setting: Setting, trigger: StateTrigger) -> None:
        """Attach it."""
        super().__init__(setting, trigger)
        self._last_good: dict[str, State] = {}
        """The last good state of those whose state is doubtful now, by unique id."""
        self._uids: dict[str, str] = {}
        """Who has a name: when a state goes since its entity was renamed, the registry cannot say any more."""
        setting.undo.append(setting.watch(trigger.targets, self._changed))

    def first_look(self) -> None:
        """Go on with the `for`s of earlier times, as far as they may still hold."""
        self._uids = {name: self.world.uid_of(name) for name in self.world.selected(self.trigger.targets)}
        if self.setting.start not in ("start", "reload"):
            self.fors.drop_kept()
        for running in self.fors.take_up():
            now = self.world.state(self.world.name_of(running.key))
            if now is not None and now.quality is GOOD and not self._holds(running, now):
                self.fors.cancel(running.key)
        self.setting.save()

    def _changed(self, event: StateChanged) -> None:
        old, new = event.old, event.new
        if new is None:
            self._gone(event.entity_id, old)
            return
        entity_uid = self._uids[event.entity_id] = self.world.uid_of(event.entity_id)
        if new.quality is not GOOD:
            if old is not None and old.quality is GOOD:
                self._last_good[entity_uid] = old
            return
        old = self._before(entity_uid, old)
        running = self.fors.running.get(entity_uid)
        if running is not None:
            if not self._holds(running, new):
                self.fors.cancel(entity_uid)
                self.setting.save()
            elif running.is_overdue:
                self.fors.fire(running)
        if old is None or not _is_unchanged(old, new):
            self._change(entity_uid, event.entity_id, old, new)

    def _before(self, entity_uid: str, old: State | None) -> State | None:
        """The last state that counted: a good one, else the number that a doubtful one kept."""
        kept = self._last_good.pop(entity_uid, None)
        if old is None or old.quality is GOOD:
            return old
        return kept or old

    def _change(self, entity_uid: str, entity_id: str, old: State | None, new: State | None) -> None:
        if old is not None and old.quality is not GOOD and old.value is None:
            return  # what it was before nobody knows, so nobody can say that it changed
        if entity_uid in self.fors.running or not self.is_edge(old, new):
            return
        found = self.shot(entity_id, old, new)
        if found is None:
            return
        shot, length = found
        if not length:
            self.setting.fire(shot)
        elif new is not None:
            self.fors.start(entity_uid, length, shot)
            self.setting.save()

    def _gone(self, entity_id: str, old: State | None) -> None:
        """The entity was removed; one that was renamed goes on under its new name."""
        entity_uid = self._uids.pop(entity_id, entity_id)
        if self.world.name_of(entity_uid) != entity_id:
            return
        old = self._before(entity_uid, old)
        if self.fors.cancel(entity_uid):
            self.setting.save()
        self._change(entity_uid, entity_id, old, None)

    def _holds(self, running: Running, now: State) -> bool:
        data = running.shot.data
        return self.is_still(_value_shown(self, data, "from_state"), _value_shown(self, data, "to_state"), now)

    def due(self, running: Running) -> None:
        """Fire if the last good value still holds; while nobody can say, wait for the next one."""
        entity_id = self.world.name_of(running.key)
        state = self.world.state(entity_id)
        why = doubt(state, entity_id, self.world.now_us())
        if not why:
            self.fors.fire(running)
            return
        running.is_overdue = True
        self.setting.note(
            "held", f"its `for` is over, but {why}; it fires if the next good value still holds", entity_id
        )


def _is_unchanged(old: State, new: State) -> bool:
    """Whether a good state says nothing new: it only came back."""
    if old.attributes != new.attributes or old.unit != new.unit:
        return False
    return old.value == new.value and isinstance(old.value, bool) is isinstance(new.value, bool)


def attach_state(setting: Setting, trigger: StateTrigger) -> Live:
    """A state trigger by values, or by texts if it asks for `unavailable` or `unknown`."""
    is_about_connection = asks_for_availability(trigger.from_) or asks_for_availability(trigger.to)
    if not setting.around.strategies.latches or is_about_connection:
        return StateTexts(setting, trigger)
    return StateValues(setting, trigger)
