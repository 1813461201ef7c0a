"""A small world for template tests: states that are set by hand, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from hub.automation.templates import Places
from hub.core.clock import SystemClock, to_us
from hub.core.context import SYSTEM
from hub.core.states import BAD, GOOD, Quality, State, Value, frozen

NOW = datetime(2026, 11, 21, 9, 30, 15, 250_000, UTC)


class TinyWorld:
    """Implements `World`."""

    def __init__(self, now: datetime = NOW, time_zone: str = "Asia/Shanghai") -> None:
        """Start without states."""
        self.now = now
        self._zone = ZoneInfo(time_zone)
        self._states: dict[str, State] = {}
        self._monotonic = SystemClock().monotonic
        self.places: Places | None = None
        self.lookups = 0

    def put(
        self,
        entity_id: str,
        value: Value,
        *,
        unit: str | None = None,
        quality: Quality = GOOD,
        changed: datetime | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> State:
        """Write a state."""
        at_us = to_us(changed or self.now)
        state = State(entity_id, value, unit, quality, at_us, at_us, at_us, at_us, frozen(attributes or {}), SYSTEM)
        self._states[entity_id] = state
        return state

    def put_text(self, entity_id: str, text: str, changed: datetime, attributes: Mapping[str, object]) -> None:
        """Write the state that Home Assistant would show with this text."""
        if text in {"unavailable", "unknown"}:
            quality = BAD if text == "unavailable" else GOOD
            self.put(entity_id, None, quality=quality, changed=changed, attributes=attributes)
        else:
            value: Value = {"on": True, "off": False}.get(text)
            self.put(entity_id, Decimal(text) if value is None else value, changed=changed, attributes=attributes)

    def remove(self, entity_id: str) -> None:
        """Forget a state."""
        del self._states[entity_id]

    @property
    def time_zone(self) -> tzinfo:
        """The zone."""
        return self._zone

    def state(self, entity_id: str, /) -> State | None:
        """One state."""
        self.lookups += 1
        return self._states.get(entity_id)

    def entity_ids(self, domain: str | None) -> Sequence[str]:
        """All ids, or a domain's."""
        return [name for name in self._states if domain is None or name.startswith(f"{domain}.")]

    def freeze(self) -> None:
        """From now on no time passes while a template renders, as in a simulation."""
        self._monotonic = lambda: 0.0

    def now_us(self) -> int:
        """The clock that stands still."""
        return to_us(self.now)

    def monotonic(self) -> float:
        """The machine's, so that the time limit is real."""
        return self._monotonic()
