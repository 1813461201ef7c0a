"""History from a list, with a source that can be slow, fail, or be absent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable

from hub.contracts.history import Line, RemovedLine, StateLine
from hub.core.clock import Clock
from hub.testing.fakes.faults import Faults


class FakeHistory:
    """A `HistorySource` over lines that the test gives, sorted by time."""

    def __init__(self, clock: Clock, lines: Iterable[Line] = (), faults: Faults | None = None) -> None:
        """Take the lines; those of one instant keep their order."""
        self._clock = clock
        self._lines = sorted(lines, key=lambda line: line.at_us)
        self.faults = faults or Faults()

    async def states_at(self, instant_us: int, entity_ids: Collection[str] | None = None) -> list[StateLine]:
        """The state of each entity (or of those named) as it stood just before an instant."""
        await self.faults.strike(self._clock, "history")
        states: dict[str, StateLine] = {}
        for line in self._lines:
            if line.at_us < instant_us and isinstance(line, StateLine):
                if entity_ids is None or line.entity_id in entity_ids:
                    states[line.entity_id] = line
            elif line.at_us < instant_us and isinstance(line, RemovedLine):
                states.pop(line.entity_id, None)
        return list(states.values())

    async def lines(
        self, start_us: int, end_us: int, entity_ids: Collection[str] | None = None
    ) -> AsyncIterator[Line]:
        """All lines from `start_us` up to, not including, `end_us`; states of the named entities only."""
        await self.faults.strike(self._clock, "history")
        for line in self._lines:
            is_named = (
                not isinstance(line, (StateLine, RemovedLine)) or entity_ids is None or line.entity_id in entity_ids
            )
            if start_us <= line.at_us < end_us and is_named:
                yield line
