"""Event triggers: events that rules name by a text, and every typed event of the hub by the name of its class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.automation.language.model import EventTrigger
from hub.automation.runtime.contract import TriggerError
from hub.automation.runtime.doubt import number_of
from hub.automation.runtime.triggers.setting import Live, Setting, Shot
from hub.contracts.custom_events import CustomEvent
from hub.contracts.history import event_line
from hub.contracts.naming import event_name
from hub.core.bus import Event
from hub.core.clock import from_us
from hub.core.states import StateChanged, StateReported

_UNTYPED = frozenset({event_name(CustomEvent), event_name(StateReported)})
_REFUSED = {"state_reported": "it comes with every reading of every meter; use a `state` trigger"}


def event_classes() -> dict[str, type[Event]]:
    """Every typed event that is known now, by the name that rules use."""
    found: dict[str, type[Event]] = {}
    for one in _subclasses(Event):
        name = event_name(one)
        # A dataclass with slots is made anew, and its first form lives on until garbage is looked for.
        if name not in _UNTYPED and (name not in found or "__slots__" in vars(one)):
            found[name] = one
    return found


def _subclasses(of: type[Event]) -> Iterator[type[Event]]:
    for one in of.__subclasses__():
        if not one.__name__.startswith("_"):
            yield one
        yield from _subclasses(one)


def fits(wanted: object, found: object) -> bool:
    """Whether a value is what is asked for: mappings in part, lists whole, numbers by value."""
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return False
        return all(key in found and fits(value, found[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list | tuple):
        return len(wanted) == len(found) and all(map(fits, wanted, found))
    if isinstance(wanted, bool | str) or isinstance(found, str):
        return bool(wanted == found)
    number = number_of(found)
    return bool(wanted == found) or (number is not None and number == number_of(wanted))


def _fits_one(wanted: object, found: object) -> bool:
    """As `fits`, but a list names alternatives: so it is for contexts."""
    return any(fits(one, found) for one in wanted) if isinstance(wanted, list) else fits(wanted, found)


class EventHeard(Live):
    """Fires on events of the types that are given."""

    def __init__(self, setting: Setting, trigger: EventTrigger) -> None:
        """Listen to each type, and to typed events of that name."""
        super().__init__(setting)
        data = setting.rendered(dict(trigger.event_data), "event_data")
        context = setting.rendered(dict(trigger.context), "context")
        assert isinstance(data, dict)
        assert isinstance(context, dict)
        self._data, self._context = data, context
        bus = setting.around.hub.bus
        known = event_classes()
        for written in trigger.event_types:
            name = str(setting.rendered(written, "event_type"))
            if name in _REFUSED:
                raise TriggerError(f"{setting.where}: a rule cannot listen to `{name}`: {_REFUSED[name]}")
            setting.undo.append(bus.subscribe(CustomEvent, self._custom, key=name))
            if name == event_name(StateChanged):
                entity_id = self._data.get("entity_id")
                key = entity_id if isinstance(entity_id, str) else None
                setting.undo.append(bus.subscribe(StateChanged, self._state_changed, key=key))
            elif name in known:
                setting.undo.append(bus.subscribe(known[name], self._typed))

    def _custom(self, event: CustomEvent) -> None:
        self._heard(event.event_type, event.data, event)

    def _typed(self, event: Event) -> None:
        line = event_line(event, 0)
        self._heard(line.event, line.data, event)

    def _state_changed(self, event: StateChanged) -> None:
        view = self.setting.view
        data = {"entity_id": event.entity_id, "old_state": view(event.old), "new_state": view(event.new)}
        self._heard("state_changed", data, event)

    def _heard(self, name: str, data: Mapping[str, object], event: Event) -> None:
        if self._data and not fits(self._data, data):
            return
        kind, _, user = event.context.actor.partition(":")
        context = {
            "id": event.context.id, "parent_id": event.context.parent_id, "actor": event.context.actor,
            "user_id": user if kind in ("user", "os") else None,
        }  # fmt: skip
        if not all(key in context and _fits_one(one, context[key]) for key, one in self._context.items()):
            return
        shown = {
            "event_type": name, "data": dict(data), "context": context, "origin": "LOCAL",
            "time_fired": from_us(self.setting.around.world.now_us()),
        }  # fmt: skip
        made = self.setting.data("event", event=shown, description=f"event '{name}'")
        self.setting.fire(Shot(made, None, event.context))
