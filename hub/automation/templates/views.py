"""States as templates see them: `states`, `states.sensor`, and one state with Home Assistant's attribute names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from hub.automation.templates.budget import PRESENT
from hub.automation.templates.errors import NotOffered, TemplateError
from hub.automation.templates.world import World
from hub.core.context import Context
from hub.core.states import ENTITY_ID, State

_DOMAIN = re.compile(r"[a-z][a-z0-9_]*")


def _registered_name(world: World, state: State) -> str | None:
    """What the registry calls an entity; it may be renamed without its state being written."""
    if world.places is None:
        return None
    if PRESENT.reading is not None:
        PRESENT.reading.uses_places = True
    entity = world.places.get(state.entity_id)
    return None if entity is None else entity.name or None


def attribute_of(world: World, state: State, name: str, default: object = None) -> object:
    """One attribute of a state; its unit and its registered name stand among them, as Home Assistant has them."""
    if name in state.attributes:
        return state.attributes[name]
    if name == "unit_of_measurement" and state.unit is not None:
        return state.unit
    registered = _registered_name(world, state) if name == "friendly_name" else None
    return default if registered is None else registered


def attributes_of(world: World, state: State) -> Mapping[str, object]:
    """All attributes of a state."""
    added = {
        name: value
        for name in ("unit_of_measurement", "friendly_name")
        if name not in state.attributes and (value := attribute_of(world, state, name)) is not None
    }
    return MappingProxyType({**state.attributes, **added}) if added else state.attributes


def name_of(world: World, state: State) -> str:
    """What people call an entity."""
    named = attribute_of(world, state, "friendly_name")
    return str(named) if named else state.entity_id.partition(".")[2].replace("_", " ")


def text_with_unit(world: World, state: State) -> str:
    """The text of a state with its unit, if it has one."""
    unit = attribute_of(world, state, "unit_of_measurement")
    return f"{state.text} {unit}" if unit else state.text


class ContextView:
    """Who or what caused a state, under Home Assistant's names."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        """Show a context."""
        self._context = context

    def read(self, name: str) -> object:
        """One of its attributes; raises `KeyError` for a name it does not have."""
        context = self._context
        if name == "user_id":
            kind, _, user = context.actor.partition(":")
            return user if kind in {"user", "os"} else None
        if name not in {"id", "parent_id", "actor"}:
            raise KeyError(name)
        return getattr(context, name)

    def __repr__(self) -> str:
        """Its id."""
        return f"<context {self._context.id}>"


_READ: dict[str, Callable[[World, State], object]] = {
    "state": lambda _, state: state.text,
    "attributes": attributes_of,
    "last_changed": lambda _, state: state.changed_at,
    "last_updated": lambda _, state: state.updated_at,
    "last_reported": lambda _, state: state.reported_at,
    "context": lambda _, state: ContextView(state.context),
    "domain": lambda _, state: state.entity_id.partition(".")[0],
    "object_id": lambda _, state: state.entity_id.partition(".")[2],
    "name": name_of,
    "state_with_unit": text_with_unit,
    "quality": lambda _, state: state.quality.value,
}


class StateView:
    """One state. `notes_reads`: reading it makes the template depend on the entity."""

    __slots__ = ("_notes_reads", "_state", "_world")

    def __init__(self, world: World, state: State, *, notes_reads: bool = False) -> None:
        """Show a state; one that a trigger brought is the same whatever happens to the entity since."""
        self._world = world
        self._state = state
        self._notes_reads = notes_reads

    @property
    def entity_id(self) -> str:
        """Whose state it is; to know that is no reading of it."""
        return self._state.entity_id

    def read(self, name: str) -> object:
        """One of its attributes; raises `KeyError` for a name it does not have."""
        if name == "entity_id":
            return self._state.entity_id
        reader = _READ[name]
        if self._notes_reads:
            PRESENT.now().entities[self._state.entity_id] = None
        return reader(self._world, self._state)

    def read_attribute(self, name: str) -> object:
        """One of the attributes that its owner gave it, or None."""
        return self._state.attributes.get(name)

    def __eq__(self, other: object) -> bool:
        """Whether it shows the same text and attributes of the same entity."""
        if not isinstance(other, StateView):
            return False
        if self._notes_reads and PRESENT.reading is not None:
            PRESENT.reading.entities[self._state.entity_id] = None
        mine, theirs = self._state, other._state
        return (mine.entity_id, mine.text, mine.attributes) == (theirs.entity_id, theirs.text, theirs.attributes)

    def __hash__(self) -> int:
        """By entity and text."""
        return hash((self._state.entity_id, self._state.text))

    def __repr__(self) -> str:
        """Entity and text."""
        return f"<state {self._state.entity_id}={self._state.text}>"


def view_of(entity_id: str) -> StateView | None:
    """The state of an entity for the render that runs now, or None when it has none."""
    reading = PRESENT.now()
    state = reading.world.state(entity_id)
    if state is None:
        reading.entities[entity_id] = None
        return None
    return StateView(reading.world, state, notes_reads=True)


def _views(domain: str | None) -> Iterator[StateView]:
    world = PRESENT.now().world
    ids = world.entity_ids(domain)
    PRESENT.spend(30 * len(ids))
    for entity_id in ids:
        state = world.state(entity_id)
        if state is not None:
            yield StateView(world, state)


class DomainView:
    """All states of one domain: `states.sensor`."""

    __slots__ = ("_domain",)

    def __init__(self, domain: str) -> None:
        """Show a domain."""
        self._domain = domain

    def read(self, name: str) -> StateView | None:
        """The state of one of its entities, or None."""
        entity_id = f"{self._domain}.{name}"
        if not ENTITY_ID.fullmatch(entity_id):
            raise TemplateError(f"{entity_id!r} is no entity id; write domain.name in lower case")
        return view_of(entity_id)

    def __iter__(self) -> Iterator[StateView]:
        """Its states; the template then depends on the whole domain."""
        PRESENT.now().read_domain(self._domain)
        return _views(self._domain)

    def __len__(self) -> int:
        """How many entities it has."""
        reading = PRESENT.now()
        reading.counted_domain(self._domain)
        return len(reading.world.entity_ids(self._domain))

    def __repr__(self) -> str:
        """Its name."""
        return f"<states of {self._domain}>"


class AllStates:
    """`states`: called it gives a text, walked it gives every state, and its attributes are domains."""

    __slots__ = ()
    is_offered = True

    def __call__(self, entity_id: object, rounded: object = None, with_unit: object = False) -> str:
        """The text of an entity's state, `unknown` when it has none; `with_unit` appends its unit."""
        if not isinstance(entity_id, str):
            raise NotOffered(f"states() takes an entity id, not {type(entity_id).__name__}")
        reading = PRESENT.now()
        reading.entities[entity_id] = None
        state = reading.world.state(entity_id)
        if state is None:
            return "unknown"
        return text_with_unit(reading.world, state) if with_unit else state.text

    def read(self, name: str) -> DomainView | StateView | None:
        """A domain, or with a dot in the name one state."""
        if "." in name:
            domain, _, object_id = name.partition(".")
            return DomainView(domain).read(object_id)
        if not _DOMAIN.fullmatch(name):
            raise TemplateError(f"{name!r} is no domain; write it in lower case, as in states.sensor")
        return DomainView(name)

    def __iter__(self) -> Iterator[StateView]:
        """Every state; the template then depends on all of them."""
        PRESENT.now().all_states = True
        return _views(None)

    def __len__(self) -> int:
        """How many entities have a state."""
        reading = PRESENT.now()
        reading.all_counts = True
        return len(reading.world.entity_ids(None))

    def __repr__(self) -> str:
        """Its name in templates."""
        return "<states>"


def as_view(value: object) -> object:
    """The value; a bare state or context, as a rule's variables may hold, in the form that templates read."""
    if isinstance(value, State):
        return StateView(PRESENT.now().world, value)
    return ContextView(value) if isinstance(value, Context) else value


VIEWS = (StateView, DomainView, AllStates, ContextView)
STATES = AllStates()
