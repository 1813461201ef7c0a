"""The states of entities for templates."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hub.automation.templates.budget import PRESENT, walked
from hub.automation.templates.views import STATES, StateView, attribute_of, view_of
from hub.core.states import State

_NONE = object()


def _state(entity_id: object) -> State | None:
    """The state of an entity, noted as read."""
    reading = PRESENT.now()
    if not isinstance(entity_id, str):
        return None
    reading.entities[entity_id] = None
    return reading.world.state(entity_id)


def is_state(entity_id: str, wanted: object) -> bool:
    """Whether an entity's state is a text, or one of a list."""
    state = _state(entity_id)
    if state is None:
        return False
    return state.text in wanted if isinstance(wanted, list) else bool(state.text == wanted)


def state_attr(entity_id: str, name: str) -> object:
    """An attribute of an entity, or None."""
    state = _state(entity_id)
    return None if state is None else attribute_of(PRESENT.now().world, state, name)


def is_state_attr(entity_id: str, name: str, wanted: object) -> bool:
    """Whether an attribute of an entity has a value."""
    state = _state(entity_id)
    if state is None:
        return False
    found = attribute_of(PRESENT.now().world, state, name, _NONE)
    return found is not _NONE and bool(found == wanted)


def has_value(entity_id: str) -> bool:
    """Whether an entity's state is neither `unavailable` nor `unknown`."""
    state = _state(entity_id)
    return state is not None and state.text not in {"unavailable", "unknown"}


def expand(*sources: object) -> list[StateView]:
    """The states of entities, of lists of entities, and of the members of groups; each once."""
    ahead = list(sources)
    found: dict[str, StateView] = {}
    groups: set[str] = set()
    while ahead:
        PRESENT.spend(50)
        one = ahead.pop()
        if isinstance(one, str):
            one = view_of(one)
        if isinstance(one, StateView):
            _take(one, found, groups, ahead)
        elif isinstance(one, Iterable):
            ahead.extend(walked(one))
    return list(found.values())


def _take(view: StateView, found: dict[str, StateView], groups: set[str], ahead: list[object]) -> None:
    if view.entity_id in found or view.entity_id in groups:
        return
    PRESENT.now().entities[view.entity_id] = None
    if not view.entity_id.startswith("group."):
        found[view.entity_id] = view
        return
    groups.add(view.entity_id)
    members = view.read_attribute("entity_id")
    if isinstance(members, list | tuple):
        ahead.extend(walked(members))


FUNCTIONS: dict[str, Callable[..., object]] = {
    "expand": expand,
    "has_value": has_value,
    "is_state": is_state,
    "is_state_attr": is_state_attr,
    "state_attr": state_attr,
    "states": STATES,
}
"""Not offered to limited templates."""

AS_FILTERS = ("expand", "has_value", "state_attr", "states")
AS_TESTS = ("has_value", "is_state", "is_state_attr")
