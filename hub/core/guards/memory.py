"""Watches the process's memory; over its soft budget, finds out whose code makes it grow, and says so.

Allocations are traced only while somebody must be found, since tracing makes everything slower.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from hub.core.clock import Clock

log = logging.getLogger(__name__)

MB = 1_000_000
CHECK_S = 30.0
WINDOW_S = 10.0
SETTLE_S = 2.0
"""How long allocations are traced before growth counts, so that what is always in flight cancels out."""

FRAMES = 10
"""Deep enough to get from a codec of the standard library to the plugin that called it; each frame costs time."""

TRACED_BYTES_MAX = 16 * MB
"""So much growth is proof enough: the window ends early, or the snapshot itself would hold up the hub."""

TRACED_LOOK_S = 0.5
GROWTH_BYTES_MIN = 64_000
GROWTH_SHARE_MIN = 0.1
"""An owner is named for at least so much growth in a window, and at least so large a share of all growth."""

AGAIN_BYTES = 16 * MB
AGAIN_S = 600.0
"""After a trace, the next waits until the process has grown by so much or so long has passed."""

TOP_LINES_MAX = 5


@dataclass(frozen=True, slots=True)
class MemoryGrew:
    """Who made the memory grow while the process was over its budget; the owner is None when nobody was found."""

    owner: str | None
    grown_bytes: int
    window_s: float
    rss_bytes: int
    budget_bytes: int
    top_lines: tuple[str, ...]
    """The lines of the owner that grew most, as `file:line: kB`."""
    in_a_row: int
    """In how many windows on end this owner grew: once may be a cache that fills, thrice is a leak."""

    def __str__(self) -> str:
        """Say who, how much and what to do."""
        over = f"the hub uses {self.rss_bytes / MB:.0f} MB of memory, its budget is {self.budget_bytes / MB:.0f} MB"
        if self.owner is None:
            return (
                f"{over}, and no plugin's code was seen to grow within {self.window_s:.0f} s: the growth is over, "
                "slow, or in native code; disable plugins one by one to find it, or raise the budget"
            )
        return (
            f"{over}; plugin {self.owner} grew by {self.grown_bytes / 1000:.0f} kB in {self.window_s:.0f} s, "
            f"most at {'; '.join(self.top_lines)}; restart or disable the plugin, and report it to its author"
        )


def own_rss_bytes() -> int:
    """The memory of this process that lies in RAM."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class MemoryWatch:
    """Looks at the memory now and then; names who grows, and never acts itself."""

    def __init__(
        self,
        clock: Clock,
        budget_mb: float,
        owner_of_file: Callable[[str], str | None],
        on_growth: Callable[[MemoryGrew], object],
        *,
        read_rss_bytes: Callable[[], int] | None = None,
        check_s: float = CHECK_S,
        window_s: float = WINDOW_S,
    ) -> None:
        """Watch against a soft budget; `owner_of_file` tells whose code lies in a file, from any thread."""
        self._clock = clock
        self._budget_bytes = round(budget_mb * MB)
        self._owner_of_file = owner_of_file
        self._on_growth = on_growth
        self._read_rss_bytes = read_rss_bytes
        self._check_s = check_s
        self._window_s = window_s
        self._next_trace_bytes = 0
        self._next_trace_s = 0.0
        self._said_nobody = False
        self._in_a_row: dict[str, int] = {}

    async def run(self) -> None:
        """Watch until cancelled. In virtual time the real memory says nothing, so only a given reader is asked."""
        if self._clock.is_virtual and self._read_rss_bytes is None:
            return
        while True:
            await self._clock.sleep(self._check_s)
            await self.check()

    async def check(self) -> None:
        """Look once; takes the length of a window when the process is over its budget."""
        rss_bytes = (self._read_rss_bytes or own_rss_bytes)()
        if rss_bytes <= self._budget_bytes:
            self._next_trace_bytes, self._next_trace_s = 0, 0.0
            self._said_nobody = False
            self._in_a_row.clear()
            return
        if rss_bytes < self._next_trace_bytes and self._clock.monotonic() < self._next_trace_s:
            return
        self._next_trace_bytes = rss_bytes + AGAIN_BYTES
        growth, watched_s = await self._growth()
        self._next_trace_s = self._clock.monotonic() + AGAIN_S
        self._tell(growth, watched_s, rss_bytes)

    async def _growth(self) -> tuple[dict[str, Counter[str]], float]:
        """What each owner's lines grew by in a window, and how long that was; tracing ends with it."""
        was_tracing = tracemalloc.is_tracing()
        if not was_tracing:
            tracemalloc.start(FRAMES)
        try:
            await self._clock.sleep(SETTLE_S)
            before = tracemalloc.take_snapshot()
            traced_bytes = tracemalloc.get_traced_memory()[0]
            began_s = self._clock.monotonic()
            while (watched_s := self._clock.monotonic() - began_s) < self._window_s:
                await self._clock.sleep(min(TRACED_LOOK_S, self._window_s - watched_s))
                if tracemalloc.get_traced_memory()[0] - traced_bytes > TRACED_BYTES_MAX:
                    break
            watched_s = self._clock.monotonic() - began_s
            after = tracemalloc.take_snapshot()
        finally:
            if not was_tracing:
                tracemalloc.stop()
        if self._clock.is_virtual:
            return self._by_owner(before, after), watched_s
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, self._by_owner, before, after), watched_s

    def _by_owner(self, before: tracemalloc.Snapshot, after: tracemalloc.Snapshot) -> dict[str, Counter[str]]:
        grown: dict[str, Counter[str]] = {}
        for difference in after.compare_to(before, "traceback"):
            owner, line = self._attribute(reversed(difference.traceback))
            if owner is not None:
                grown.setdefault(owner, Counter())[line] += difference.size_diff
        return grown

    def _attribute(self, frames_inner_first: Iterable[tracemalloc.Frame]) -> tuple[str | None, str]:
        for frame in frames_inner_first:
            owner = self._owner_of_file(frame.filename)
            if owner is not None:
                return owner, f"{frame.filename}:{frame.lineno}"
        return None, ""

    def _tell(self, growth: dict[str, Counter[str]], watched_s: float, rss_bytes: int) -> None:
        grown_bytes = {owner: max(0, lines.total()) for owner, lines in growth.items()}
        least_bytes = max(GROWTH_BYTES_MIN, GROWTH_SHARE_MIN * sum(grown_bytes.values()))
        named = sorted((size, owner) for owner, size in grown_bytes.items() if size >= least_bytes)
        self._in_a_row = {owner: self._in_a_row.get(owner, 0) + 1 for _, owner in named}
        for size, owner in reversed(named):
            top = tuple(f"{line}: {grown // 1000} kB" for line, grown in growth[owner].most_common(TOP_LINES_MAX))
            self._say(MemoryGrew(owner, size, watched_s, rss_bytes, self._budget_bytes, top, self._in_a_row[owner]))
        if named:
            self._said_nobody = False
        elif not self._said_nobody:
            self._said_nobody = True
            self._say(MemoryGrew(None, 0, watched_s, rss_bytes, self._budget_bytes, (), 0))

    def _say(self, grew: MemoryGrew) -> None:
        log.warning("%s", grew)
        self._on_growth(grew)
