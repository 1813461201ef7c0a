"""The one definition of stale, and the watch that lowers the quality of values that have grown too old."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

from hub.core import context as contexts
from hub.core.bus import Bus, Unsubscribe
from hub.core.clock import Clock
from hub.core.registry import Entity, Registry, RegistryChanged
from hub.core.states import BAD, STALE, State, StateMachine

STEP_MIN_US = 500_000
"""Wall and monotonic clock drifting apart by less between two looks is the time service's slow correction."""

_GARBAGE_MAX = 64


def is_stale(age_us: int, period_us: int) -> bool:
    """Whether a value of this age is stale: older than 2.5 of its periods. There is no other definition."""
    return 2 * age_us > 5 * period_us


class _Watched:
    """One entity's period, and when its value was measured as long as that is known from before a clock step."""

    __slots__ = ("entity_id", "measured_us", "period_us", "settled")

    def __init__(self, entity_id: str, period_us: int) -> None:
        self.entity_id = entity_id
        self.period_us = period_us
        self.settled: tuple[int, int] | None = None
        """Source and report time of the state for which `measured_us` holds, in the wall time of before a step."""
        self.measured_us = 0


class StaleWatch:
    """Marks watched states stale when they are, by monotonic time; BAD stays BAD.

    Nothing is done when a state is written. An entity is looked at when its value could have become stale, at most
    about once in 2.5 periods, from one timer for all.
    """

    def __init__(self, states: StateMachine, clock: Clock) -> None:
        """Watch nothing yet."""
        self._states = states
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._heap: list[tuple[int, int, _Watched]] = []
        self._next_number = count().__next__
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_us = 0
        self._offset_us = clock.now_us() - self._monotonic_us()
        self._looked_us = self._monotonic_us()
        self.looks = 0
        """How often an entity was looked at, for tests of the cost."""

    def watch(self, entity_id: str, period_us: int) -> None:
        """Expect a new value in each period from now on."""
        if period_us <= 0:
            raise ValueError(f"{entity_id}: a period of {period_us} us; give one above 0, or do not watch it")
        known = self._watched.get(entity_id)
        if known is not None and known.period_us == period_us:
            return
        self.notice_clock()
        watched = self._watched[entity_id] = _Watched(entity_id, period_us)
        self._look_at(watched, self._monotonic_us())
        self._drop_garbage()
        self._arm()

    def forget(self, entity_id: str) -> None:
        """Stop expecting values."""
        if self._watched.pop(entity_id, None) is not None:
            self._drop_garbage()
            self._arm()

    def notice_clock(self) -> None:
        """Look whether the wall clock was stepped; call it as soon as that is known.

        What was measured before the step is then remembered in monotonic time, so that a step makes nothing stale
        and nothing fresh.
        """
        now_us = self._monotonic_us()
        offset_us = self._clock.now_us() - now_us
        if abs(offset_us - self._offset_us) >= STEP_MIN_US:
            for watched in self._watched.values():
                state = self._states.get(watched.entity_id)
                if state is not None and (state.source_us, state.reported_us) != watched.settled:
                    self._settle(watched, state, offset_us, now_us)
        self._offset_us = offset_us
        self._looked_us = now_us

    def follow(self, registry: Registry, bus: Bus) -> Unsubscribe:
        """Watch every entity of the registry that has a period, as entities come, go, and change."""

        def changed(event: RegistryChanged) -> None:
            old, new = event.old, event.new
            if isinstance(old, Entity) and not (isinstance(new, Entity) and new.entity_id == old.entity_id):
                self.forget(old.entity_id)
            if isinstance(new, Entity):
                self._follow_one(new)

        for entity_id in registry.entity_ids():
            entity = registry.get(entity_id)
            if entity is not None:
                self._follow_one(entity)
        return bus.subscribe(RegistryChanged, changed, owner="core")

    def _follow_one(self, entity: Entity) -> None:
        if entity.period_us is None:
            self.forget(entity.entity_id)
        else:
            self.watch(entity.entity_id, entity.period_us)

    def stop(self) -> None:
        """Let go of the timer; nothing is marked any more."""
        self._watched.clear()
        self._heap.clear()
        self._arm()

    def _monotonic_us(self) -> int:
        return round(self._clock.monotonic() * 1e6)

    def _look(self) -> None:
        self._timer = None
        self.notice_clock()
        now_us = self._monotonic_us()
        heap = self._heap
        with contexts.use(contexts.SYSTEM):
            while heap and heap[0][0] <= now_us:
                watched = heapq.heappop(heap)[2]
                if self._watched.get(watched.entity_id) is watched:
                    self._look_at(watched, now_us)
        self._arm()

    def _look_at(self, watched: _Watched, now_us: int) -> None:
        """Mark the entity's state when it is stale, and note when to look again."""
        self.looks += 1
        state = self._states.get(watched.entity_id)
        last_us = now_us
        if state is not None and state.quality is not BAD:
            measured_us = self._measured_us(watched, state, now_us)
            if not is_stale(now_us - measured_us, watched.period_us):
                last_us = measured_us
            elif state.quality is not STALE:
                self._states.mark(watched.entity_id, STALE)
        due_us = last_us + 5 * watched.period_us // 2 + 1
        heapq.heappush(self._heap, (due_us, self._next_number(), watched))

    def _measured_us(self, watched: _Watched, state: State, now_us: int) -> int:
        """When a state was measured, in monotonic time."""
        if (state.source_us, state.reported_us) == watched.settled:
            return watched.measured_us
        return min(min(state.source_us, state.reported_us) - self._offset_us, now_us)

    def _settle(self, watched: _Watched, state: State, offset_us: int, now_us: int) -> None:
        """Decide in which of two wall times a state's times are: before the step or, lately, after it."""
        age_us = max(0, state.reported_us - state.source_us)
        before_us, after_us = state.reported_us - self._offset_us, state.reported_us - offset_us
        possible = [before_us] if before_us <= now_us else []
        if self._looked_us <= after_us <= now_us:
            possible.append(after_us)
        watched.settled = (state.source_us, state.reported_us)
        watched.measured_us = max(possible, default=now_us) - age_us

    def _drop_garbage(self) -> None:
        if len(self._heap) > 2 * len(self._watched) + _GARBAGE_MAX:
            self._heap = [entry for entry in self._heap if self._watched.get(entry[2].entity_id) is entry[2]]
            heapq.heapify(self._heap)

    def _arm(self) -> None:
        due_us = self._heap[0][0] if self._heap else None
        if self._timer is not None:
            if due_us == self._timer_due_us:
                return
            self._timer.cancel()
            self._timer = None
        if due_us is not None:
            self._timer_due_us = due_us
            delay_s = max(0, due_us - self._monotonic_us()) / 1e6
            self._timer = self._clock.call_later(delay_s, self._look)
