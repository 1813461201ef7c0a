"""Notices that the event loop stands still, and names who holds it while it does.

A thread looks ten times a second, and oftener while it waits for an answer. A loop that waits in its selector is
idle, which costs nothing to see; only a loop that is busy is asked to answer, so an idle hub is never woken. No
answer for 0.25 s is a block. Code that holds the interpreter itself (a long regular expression, say) also stops
this thread; it is named as soon as it lets go.
"""

from __future__ import annotations

import asyncio
import logging
import selectors
import sys
import sysconfig
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from types import FrameType
from typing import Any, TypeAlias

from hub.core.bus import Bus
from hub.core.clock import Clock

log = logging.getLogger(__name__)

CHECK_S = 0.05
CHECK_IDLE_S = 0.1
"""How often the thread looks while an answer is out, and while none is; each look costs about 0.1 ms."""

BLOCK_S = 0.25
"""How long the loop may leave a question unanswered."""

LATE_S = 0.2
"""A look that comes later than this after the one before it was itself kept from running."""

STACK_MAX = 30
"""How many frames a report carries."""

_CORE = f"{Path(__file__).parents[1]}/"
_STDLIB = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib"))
_THIRD_PARTY = ("site-packages", "dist-packages")  # they lie within the standard library's folder
_TURN = asyncio.BaseEventLoop._run_once.__code__  # type: ignore[attr-defined]  # noqa: SLF001 - the frame of a turn
_SELECTORS_FILE = selectors.DefaultSelector.select.__code__.co_filename

OwnerOf: TypeAlias = "Callable[[asyncio.Task[Any] | None, Sequence[str]], str | None]"
"""Whose code runs: from the running task, if any, and the files on the loop's stack, the innermost first.

Asked on the watchdog's thread, so it only looks."""


@dataclass(frozen=True, slots=True)
class LoopBlocked:
    """One block of the loop: who, where, and, once it is over, for how long."""

    owner: str | None
    function: str
    file: str
    line: int
    stack: tuple[str, ...]
    """Every frame as `file:line in function`, the innermost first."""
    lasted_s: float | None = None
    """None while the block goes on."""

    def __str__(self) -> str:
        """Name the plugin, the function and the place."""
        who = f"plugin {self.owner}" if self.owner else "code of no known plugin"
        return f"{who} in {self.function} ({self.file}:{self.line})"


def who_runs(bus: Bus, owner_of_file: Callable[[str], str | None] = lambda file: None) -> OwnerOf:
    """The usual way to find whose code runs: by its file, else by the bus's listener, else by the task's name.

    The file comes first, since a plugin's function may run inline in the core's task or another plugin's.
    """

    def owner_of(task: asyncio.Task[Any] | None, files: Sequence[str]) -> str | None:
        for file in files:
            owner = owner_of_file(file)
            if owner is not None:
                return owner
        listener = bus.running
        if listener is not None:
            return listener.owner
        owner, slash, _ = task.get_name().partition("/") if task is not None else ("", "", "")
        return owner if slash else None

    return owner_of


class Watchdog:
    """Watches one loop from a thread of its own, as long as the clock is real."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        on_block: Callable[[LoopBlocked], object],
        owner_of: OwnerOf,
    ) -> None:
        """Tell `on_block` twice of each block: at once, on the watchdog's thread and with `lasted_s` None, and when
        it is over, on the loop and with its duration. Only the second call may touch what belongs to the loop."""
        self._loop = loop
        self._clock = clock
        self._on_block = on_block
        self._owner_of = owner_of
        self._stopping = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop_thread_id = 0
        self._asked_at_s: float | None = None
        self._answered_at_s: float | None = None
        self._looked_at_s = 0.0
        self._cpu_s = 0.0
        self._block: LoopBlocked | None = None

    def start(self) -> None:
        """Begin to watch; call on the loop's thread. In virtual time there is nothing to watch."""
        if self._clock.is_virtual or self._thread is not None:
            return
        self._loop_thread_id = threading.get_ident()
        self._stopping = threading.Lock()  # held while the watch goes on: cheaper to wait for than an Event
        self._stopping.acquire()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch and its thread; a block that was reported is closed first. Call on the loop's thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.release()
        thread.join()
        if self._block is not None:
            self._on_block(self._closed(self._block))

    def _watch(self) -> None:
        self._looked_at_s = self._clock.monotonic()
        self._cpu_s = _cpu_s()
        pause_s = CHECK_IDLE_S
        while not (self._stopping.acquire(timeout=pause_s) or self._loop.is_closed()):
            try:
                self._look()
            except Exception:
                log.exception("the watchdog failed; it goes on")
            pause_s = CHECK_IDLE_S if self._asked_at_s is None else CHECK_S

    def _look(self) -> None:
        now_s, cpu_s = self._clock.monotonic(), _cpu_s()
        slept_s, ran_s = now_s - self._looked_at_s, cpu_s - self._cpu_s
        self._looked_at_s, self._cpu_s = now_s, cpu_s
        is_late = slept_s > LATE_S
        held_interpreter = is_late and ran_s > slept_s / 2  # else the whole machine stood still: nobody's block
        frame = sys._current_frames().get(self._loop_thread_id)  # noqa: SLF001 - there is no public way
        if frame is None:
            return
        is_idle = not self._loop.is_running() or _waits_in_selector(frame)
        if self._asked_at_s is None:
            if is_idle:
                return
            self._answered_at_s = None
            self._asked_at_s = now_s - slept_s if held_interpreter else now_s
            self._loop.call_soon_threadsafe(self._answer)
        elif is_idle or self._answered_at_s is not None:
            self._turned()
            return
        elif is_late and not held_interpreter:
            self._asked_at_s += slept_s
        if self._block is None and now_s - self._asked_at_s >= BLOCK_S:
            self._report(frame)

    def _answer(self) -> None:
        self._answered_at_s = self._clock.monotonic()

    def _turned(self) -> None:
        if self._block is not None:
            self._loop.call_soon_threadsafe(self._on_block, self._closed(self._block))
        self._asked_at_s = None

    def _closed(self, block: LoopBlocked) -> LoopBlocked:
        assert self._asked_at_s is not None
        lasted_s = (self._answered_at_s or self._clock.monotonic()) - self._asked_at_s
        self._block = None
        log.warning("the event loop runs again after %.2f s; it was blocked by %s", lasted_s, block)
        return replace(block, lasted_s=lasted_s)

    def _report(self, frame: FrameType) -> None:
        frames = _frames(frame)
        named = next((each for each in frames if _is_foreign(each.f_code.co_filename)), frames[0])
        files = [each.f_code.co_filename for each in frames]
        block = self._block = LoopBlocked(
            owner=self._owner_of(asyncio.current_task(self._loop), files),
            function=named.f_code.co_qualname,
            file=named.f_code.co_filename,
            line=named.f_lineno,
            stack=tuple(f"{each.f_code.co_filename}:{each.f_lineno} in {each.f_code.co_name}" for each in frames),
        )
        log.error(
            "the event loop is blocked by %s; move blocking work to a thread: await asyncio.to_thread(...)\n  %s",
            block,
            "\n  ".join(block.stack),
        )
        self._on_block(block)


def _cpu_s() -> float:
    used = getrusage(RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _waits_in_selector(frame: FrameType) -> bool:
    """Whether the loop waits for events, not a plugin in a selector of its own (as `subprocess.run` does)."""
    back = frame.f_back
    return back is not None and back.f_code is _TURN and frame.f_code.co_filename == _SELECTORS_FILE


def _frames(frame: FrameType) -> list[FrameType]:
    """The frames of the turn, the innermost first: what lies outside the loop's turn is the same for all."""
    frames: list[FrameType] = []
    at: FrameType | None = frame
    while at is not None and at.f_code is not _TURN and len(frames) < STACK_MAX:
        frames.append(at)
        at = at.f_back
    return frames or [frame]


def _is_foreign(file: str) -> bool:
    """Whether a file is neither the core's nor the standard library's."""
    if file.startswith((_CORE, "<frozen ")):
        return False
    return not file.startswith(_STDLIB) or any(part in file for part in _THIRD_PARTY)
