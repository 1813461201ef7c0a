"""Selectors (ids, globs, areas, labels, domains) and the live sets of entities that they select."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hub.core.bus import Bus, Callback, E, Listener, Unsubscribe
from hub.core.globs import GlobIndex, compiled, names_in
from hub.core.registry import Area, Device, Entity, Registry, RegistryChanged
from hub.core.states import StateMachine

log = logging.getLogger(__name__)

Told = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Selector:
    """What is asked for; an entity is selected when any part names it.

    An area also holds what lies in the areas inside it; a device's area and labels are its entities' too.
    """

    entity_ids: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


class Selection:
    """The entities that a selector selects now; kept up until it is closed.

    An entity is there when it is registered and not disabled, or when it has a state without being registered.
    """

    __slots__ = ("_ids", "_selections", "is_closed", "on_add", "on_remove", "owner", "selector")

    def __init__(
        self, selections: Selections, selector: Selector, owner: str, on_add: Told | None, on_remove: Told | None
    ) -> None:
        """Opened by `Selections.open`."""
        self._selections = selections
        self._ids: dict[str, None] = {}
        self.selector = selector
        self.owner = owner
        self.on_add = on_add
        self.on_remove = on_remove
        self.is_closed = False

    def __contains__(self, entity_id: object) -> bool:
        """Whether an entity is selected now."""
        return entity_id in self._ids

    def __iter__(self) -> Iterator[str]:
        """The selected entity ids as they are now, sorted."""
        return iter(sorted(self._ids))

    def __len__(self) -> int:
        """How many entities are selected."""
        return len(self._ids)

    @property
    def missing(self) -> list[str]:
        """The entity ids that the selector names and that are not there now, disabled ones included."""
        return [entity_id for entity_id in self.selector.entity_ids if entity_id not in self._ids]

    def close(self) -> None:
        """Stop keeping the set up; neither callback comes any more."""
        self._selections._close(self)  # noqa: SLF001 - one idea in two classes


class Selections:
    """All live selections, and what finds those that one entity belongs to."""

    def __init__(self, registry: Registry, states: StateMachine, bus: Bus) -> None:
        """Watch entities come, go and move from now on."""
        self._registry = registry
        self._states = states
        self._by_id: dict[str, dict[Selection, None]] = {}
        self._by_domain: dict[str, dict[Selection, None]] = {}
        self._by_area: dict[str, dict[Selection, None]] = {}
        self._by_label: dict[str, dict[Selection, None]] = {}
        self._by_glob: GlobIndex[Selection] = GlobIndex()
        self._member_of: dict[str, dict[Selection, None]] = {}
        self._names: list[str] | None = None
        """All names there are, sorted; None when one came or went since, until somebody asks."""
        states.on_appear = (*states.on_appear, self._state_seen)
        states.on_vanish = (*states.on_vanish, self._state_seen)
        bus.subscribe(RegistryChanged, self._registry_changed, owner="core")

    def open(
        self, selector: Selector, *, owner: str, on_add: Told | None = None, on_remove: Told | None = None
    ) -> Selection:
        """Select entities; the callbacks hear of those that are added or removed from now on.

        They run inside whatever added the entity, before its first state is told on the bus, and must be quick.
        """
        selection = Selection(self, selector, owner, on_add, on_remove)
        for index, keys in self._filings(selector):
            for key in keys:
                index.setdefault(key, {})[selection] = None
        for glob in selector.globs:
            self._by_glob.add(glob, selection)
        for entity_id in sorted(self.select(selector)):
            selection._ids[entity_id] = None  # noqa: SLF001
            self._member_of.setdefault(entity_id, {})[selection] = None
        return selection

    def select(self, selector: Selector) -> set[str]:
        """The entities that a selector selects at this moment."""
        found = set(selector.entity_ids)
        for area in selector.areas:
            found |= self._registry.ids_in_area(area)
        for label in selector.labels:
            found |= self._registry.ids_with_label(label)
        found = {entity_id for entity_id in found if self._is_there(entity_id)}
        if selector.globs or selector.domains:
            found.update(filter(self._is_there, self._named(selector)))
        return found

    def _named(self, selector: Selector) -> Iterator[str]:
        if self._names is None:
            self._names = sorted({*self._registry.entity_ids(), *(state.entity_id for state in self._states)})
        for domain in selector.domains:
            yield from names_in(compiled(f"{domain}.*"), self._names)
        for glob in selector.globs:
            yield from names_in(compiled(glob), self._names)

    def _close(self, selection: Selection) -> None:
        if selection.is_closed:
            return
        selection.is_closed = True
        for index, keys in self._filings(selection.selector):
            for key in keys:
                _discard(index, key, selection)
        for glob in selection.selector.globs:
            self._by_glob.discard(glob, selection)
        for entity_id in selection._ids:  # noqa: SLF001
            _discard(self._member_of, entity_id, selection)

    def _filings(self, selector: Selector) -> Iterable[tuple[dict[str, dict[Selection, None]], tuple[str, ...]]]:
        return (
            (self._by_id, selector.entity_ids),
            (self._by_domain, selector.domains),
            (self._by_area, selector.areas),
            (self._by_label, selector.labels),
        )

    def _registry_changed(self, event: RegistryChanged) -> None:
        record = event.new if event.old is None else event.old
        match record:
            case Entity():
                self._seen(record.entity_id)
                if isinstance(event.new, Entity) and event.new.entity_id != record.entity_id:
                    self._seen(event.new.entity_id)
            case Device():
                for entity_id in sorted(self._registry.ids_on_device(record.id)):
                    self._seen(entity_id)
            case Area():
                for entity_id in sorted(self._registry.ids_in_area(record.id)):
                    self._seen(entity_id)

    def _state_seen(self, entity_id: str) -> None:
        if entity_id not in self._registry:  # a registered entity is there with or without a state
            self._seen(entity_id)

    def _seen(self, entity_id: str) -> None:
        """Bring the selections in step with one entity that came, went or moved."""
        self._names = None
        wanted = self._wanting(entity_id) if self._is_there(entity_id) else {}
        was = self._member_of.get(entity_id, {})
        if wanted.keys() == was.keys():
            return
        if wanted:
            self._member_of[entity_id] = wanted
        else:
            del self._member_of[entity_id]
        removed = [selection for selection in was if selection not in wanted]
        added = [selection for selection in wanted if selection not in was]
        for selection in removed:
            selection._ids.pop(entity_id, None)  # noqa: SLF001
        for selection in added:
            selection._ids[entity_id] = None  # noqa: SLF001
        # A callback may itself make the entity come or go: who is told late is told only what still holds.
        for selection in removed:
            if entity_id not in selection:
                _tell(selection, selection.on_remove, entity_id)
        for selection in added:
            if entity_id in selection:
                _tell(selection, selection.on_add, entity_id)

    def _is_there(self, entity_id: str) -> bool:
        if entity_id in self._registry:
            return not self._registry.is_disabled(entity_id)
        return self._states.get(entity_id) is not None

    def _wanting(self, entity_id: str) -> dict[Selection, None]:
        wanting = dict(self._by_id.get(entity_id, {}))
        if self._by_domain:
            wanting.update(self._by_domain.get(entity_id.partition(".")[0], {}))
        wanting.update(dict.fromkeys(self._by_glob.who_wants(entity_id)))
        entity = self._registry.get(entity_id) if self._by_area or self._by_label else None
        if entity is not None:
            for area in self._registry.area_path(self._registry.area_of(entity)):
                wanting.update(self._by_area.get(area, {}))
            for label in self._registry.labels_of(entity):
                wanting.update(self._by_label.get(label, {}))
        return wanting


def subscribe_selection(
    bus: Bus, selections: Selections, event_type: type[E], callback: Callback[E], selector: Selector, *, owner: str
) -> Unsubscribe:
    """Call back for every event of a type whose key is a selected entity; follows entities as they come and go."""
    channel = bus.channel(event_type)
    listener = Listener(owner, callback)
    subscribed: dict[str, Unsubscribe] = {}

    def add(entity_id: str) -> None:
        if entity_id not in subscribed:
            subscribed[entity_id] = channel.add(entity_id, listener)

    def remove(entity_id: str) -> None:
        unsubscribe_one = subscribed.pop(entity_id, None)
        if unsubscribe_one is not None:
            unsubscribe_one()

    selection = selections.open(selector, owner=owner, on_add=add, on_remove=remove)
    for entity_id in selection:
        add(entity_id)

    def unsubscribe() -> None:
        selection.close()
        while subscribed:
            subscribed.popitem()[1]()

    return unsubscribe


def _discard(index: dict[str, dict[Selection, None]], key: str, selection: Selection) -> None:
    under = index.get(key)
    if under is not None:
        under.pop(selection, None)
        if not under:
            del index[key]


def _tell(selection: Selection, callback: Told | None, entity_id: str) -> None:
    if callback is None or selection.is_closed:
        return
    try:
        callback(entity_id)
    except Exception as error:
        log.exception(
            "%s: following %r in a selection failed: %s: %s",
            selection.owner, entity_id, type(error).__name__, error,
        )  # fmt: skip
