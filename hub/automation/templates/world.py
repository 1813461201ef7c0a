"""What a template may know of the hub: states, the time, and where things are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from hub.core.clock import Clock
from hub.core.principals import Principal
from hub.core.registry import Area, Device, Entity, Label
from hub.core.states import State, StateMachine


class Places(Protocol):
    """The registry's look-ups that templates use; `hub.core.registry.Registry` has them all."""

    def get(self, entity_id: str, /) -> Entity | None:
        """The entity that has an entity id."""

    def area(self, id: str, /) -> Area | None:  # noqa: A002 - the registry's own word
        """The area with an id."""

    def label(self, id: str, /) -> Label | None:  # noqa: A002
        """The label with an id."""

    def device(self, id: str, /) -> Device | None:  # noqa: A002
        """The device with an id."""

    def area_of(self, entity: Entity) -> str | None:
        """The area an entity is in: its own, else its device's."""

    def labels_of(self, entity: Entity) -> tuple[str, ...]:
        """The labels of an entity and of its device."""

    def ids_in_area(self, area_id: str) -> set[str]:
        """The entity ids in an area or in areas inside it."""

    def ids_with_label(self, label_id: str) -> set[str]:
        """The entity ids that carry a label."""

    def ids_on_device(self, device_id: str) -> set[str]:
        """The entity ids of a device."""

    def areas(self, principal: Principal) -> list[Area]:
        """All areas, by id."""

    def labels(self, principal: Principal) -> list[Label]:
        """All labels, by id."""

    def devices(self, principal: Principal) -> list[Device]:
        """All devices, by name."""


class World(Protocol):
    """What a render reads; the running hub, a replayed trace and a preview are all worlds."""

    @property
    def time_zone(self) -> tzinfo:
        """The site's time zone, in which `now()` and naive times are."""

    @property
    def places(self) -> Places | None:
        """Areas, labels and devices; None where nothing is known of them."""

    def state(self, entity_id: str, /) -> State | None:
        """The state of an entity, the same object until it is written again."""

    def entity_ids(self, domain: str | None) -> Sequence[str]:
        """The ids of all entities with a state, or of one domain's, in the order in which they appeared."""

    def now_us(self) -> int:
        """The wall clock in microseconds since 1970."""

    def monotonic(self) -> float:
        """Seconds that only grow: what a render has used is measured by them."""


@dataclass(frozen=True, slots=True)
class HubWorld:
    """The world of a running hub."""

    states: StateMachine
    clock: Clock
    time_zone: tzinfo
    places: Places | None = None

    def state(self, entity_id: str, /) -> State | None:
        """The state of an entity, the same object until it is written again."""
        return self.states.get(entity_id)

    def entity_ids(self, domain: str | None) -> Sequence[str]:
        """The ids of all entities with a state, or of one domain's."""
        if domain is None:
            return [state.entity_id for state in self.states]
        prefix = f"{domain}."
        return [state.entity_id for state in self.states if state.entity_id.startswith(prefix)]

    def now_us(self) -> int:
        """The hub's wall clock."""
        return self.clock.now_us()

    def monotonic(self) -> float:
        """The hub's monotonic clock."""
        return self.clock.monotonic()
