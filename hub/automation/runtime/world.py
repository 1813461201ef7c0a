"""The world that rules live in: states, time, places, and which entities a rule's targets are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Protocol

from hub.automation.language.model import Targets
from hub.automation.templates import Places
from hub.contracts.providers import SunTimes
from hub.core.clock import Clock, from_us
from hub.core.registry import Registry
from hub.core.selectors import Selection, Selections, Selector
from hub.core.states import State


class States(Protocol):
    """The states of a hub, as far as they are read; plugins have them, and the core."""

    @property
    def get(self) -> Callable[[str], State | None]:
        """The state of an entity."""

    def __iter__(self) -> Iterator[State]:
        """All states, in the order in which they appeared."""


class RuleWorld:
    """The world of a running hub, as templates, conditions and triggers see it; one object per engine."""

    def __init__(
        self,
        states: States,
        clock: Clock,
        time_zone: tzinfo,
        registry: Registry,
        selections: Selections,
        *,
        sun: Callable[[], SunTimes | None] = lambda: None,
    ) -> None:
        """See a hub; `sun` finds who knows when the sun rises."""
        self._clock = clock
        self._time_zone = time_zone
        self._registry = registry
        self._selections = selections
        self._kept: dict[Selector, Selection] = {}
        self._states = states
        self.places: Places | None = registry
        """Areas, labels and devices."""
        self.state: Callable[[str], State | None] = states.get
        """The state of an entity, the same object until it is written again."""
        self.now_us: Callable[[], int] = clock.now_us
        """The wall clock in microseconds since 1970."""
        self.monotonic: Callable[[], float] = clock.monotonic
        """Seconds that only grow."""
        self.sun = sun

    @property
    def time_zone(self) -> tzinfo:
        """The site's time zone."""
        return self._time_zone

    def local_now(self) -> datetime:
        """The site's local time."""
        return from_us(self._clock.now_us()).astimezone(self._time_zone)

    def entity_ids(self, domain: str | None) -> Sequence[str]:
        """The ids of all entities with a state, or of one domain's, in the order in which they appeared."""
        ids = [state.entity_id for state in self._states]
        if domain is None:
            return ids
        prefix = f"{domain}."
        return [entity_id for entity_id in ids if entity_id.startswith(prefix)]

    def uid_of(self, entity_id: str) -> str:
        """What an entity is called for ever: its id in the registry, or its entity id when it has none."""
        entity = self._registry.get(entity_id)
        return entity_id if entity is None else entity.id

    def name_of(self, entity_uid: str) -> str:
        """The entity id that `uid_of` names now."""
        entity = self._registry.by_id(entity_uid)
        return entity_uid if entity is None else entity.entity_id

    def members(self, targets: Targets) -> Sequence[str]:
        """The entities that are meant now: a list of ids as it stands, else whatever is selected, sorted."""
        if targets.is_explicit:
            return targets.selector.entity_ids
        selection = self._kept.get(targets.selector)
        if selection is None:
            # Kept for good: a rule asks again and again, and there are as many selectors as rules have.
            selection = self._kept[targets.selector] = self._selections.open(targets.selector, owner="automation")
        return [entity_id for entity_id in selection if targets.admits(entity_id)]

    def selected(self, targets: Targets) -> Sequence[str]:
        """The entities that are there now and meant, sorted; those that a list names in vain are left out."""
        return [name for name in sorted(self._selections.select(targets.selector)) if targets.admits(name)]

    def close(self) -> None:
        """Keep no selection up any longer."""
        while self._kept:
            self._kept.popitem()[1].close()
