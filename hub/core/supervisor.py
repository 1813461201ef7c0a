"""Supervised tasks: each has an owner, its failure is caught, named and counted, and it ends with its owner."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from hub.core.clock import Clock
from hub.core.ids import Ids

log = logging.getLogger(__name__)
T = TypeVar("T")

CANCEL_WAIT_S = 5.0
"""How long a cancelled task may take to end before it is left behind and named."""

END_ROUNDS_MAX = 10
"""How often tasks are ended that the tasks being ended have started meanwhile."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Growing pauses between tries, with jitter, up to a cap."""

    first_s: float = 1.0
    factor: float = 2.0
    cap_s: float = 60.0
    jitter: float = 0.1

    def pause_s(self, attempt: int, ids: Ids) -> float:
        """The pause after the given failed attempt; the first attempt is 1."""
        plain = min(self.cap_s, self.first_s * self.factor ** min(attempt - 1, 32))
        return plain * ids.uniform(1 - self.jitter, 1 + self.jitter)


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """What is told of a task that raised."""

    owner: str
    name: str
    error: BaseException


class Supervisor:
    """Starts tasks in the name of owners and ends them with their owner."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        """Start with no tasks."""
        self._clock = clock
        self._ids = ids
        self._tasks: dict[str, set[asyncio.Task[Any]]] = {}
        self._ending: set[asyncio.Task[Any]] = set()
        self.on_failure: Callable[[TaskFailed], None] = lambda failure: None
        """Told of every task that raised, after it was logged."""

    def spawn(self, owner: str, name: str, work: Coroutine[Any, Any, object]) -> asyncio.Task[Any]:
        """Run work once as a task of the owner; if it raises, that is logged and told, and nobody else stops."""
        task = asyncio.get_running_loop().create_task(self._guarded(owner, name, work), name=f"{owner}/{name}")
        tasks = self._tasks.setdefault(owner, set())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda _: work.close())  # a task cancelled before its first step never awaits it
        return task

    def watch(self, owner: str, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run work as a task of the owner whose result or error the caller awaits."""
        task = asyncio.get_running_loop().create_task(work, name=f"{owner}/{name}")
        tasks = self._tasks.setdefault(owner, set())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    def keep(
        self, owner: str, name: str, start: Callable[[], Awaitable[object]], backoff: Backoff | None = None
    ) -> asyncio.Task[Any]:
        """Run work that should never end: when it raises it is started again, after growing pauses."""
        return self.spawn(owner, name, self._kept(owner, name, start, backoff or Backoff()))

    async def _kept(self, owner: str, name: str, start: Callable[[], Awaitable[object]], backoff: Backoff) -> None:
        attempt = 0
        while True:
            began = self._clock.monotonic()
            try:
                await start()
            except BaseException as error:
                if not _is_fault(error):
                    raise
                if self._clock.monotonic() - began > backoff.cap_s:
                    attempt = 0
                attempt += 1
                self._report(owner, name, error)
                task = asyncio.current_task()
                assert task is not None
                if task in self._ending:
                    return  # it ended, in its own way
                while task.cancelling():  # what a failing TaskGroup of Python 3.11 and 3.12 forgets to take back
                    task.uncancel()
                await self._clock.sleep(backoff.pause_s(attempt, self._ids))
            else:
                return

    async def _guarded(self, owner: str, name: str, work: Coroutine[Any, Any, object]) -> object:
        try:
            return await work
        except BaseException as error:
            if not _is_fault(error):
                raise
            self._report(owner, name, error)
            return None

    def _report(self, owner: str, name: str, error: BaseException) -> None:
        log.error("task %s of %s failed: %s: %s", name, owner, type(error).__name__, error, exc_info=error)
        try:
            self.on_failure(TaskFailed(owner, name, error))
        except Exception:
            log.exception("whoever is told of failed tasks failed; the tasks go on")

    def running(self, owner: str) -> list[str]:
        """The names of an owner's tasks that run now."""
        return sorted(task.get_name() for task in self._tasks.get(owner, ()))

    def cancel(self, owner: str) -> None:
        """Cancel all tasks of an owner without waiting for them, for an end that is out of time."""
        for task in list(self._tasks.get(owner, ())):
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            task.cancel()

    async def end(self, owner: str, wait_s: float = CANCEL_WAIT_S) -> list[str]:
        """Cancel all tasks of an owner and wait for them; the names of those that would not end."""
        me = asyncio.current_task()
        told: set[asyncio.Task[Any]] = set()
        deadline_s = self._clock.monotonic() + wait_s
        for _ in range(END_ROUNDS_MAX):
            fresh = {task for task in self._tasks.get(owner, ()) if task is not me and task not in told}
            if not fresh:
                break
            for task in fresh:
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)
                task.cancel()
            told |= fresh
            await asyncio.wait(told, timeout=max(0.0, deadline_s - self._clock.monotonic()))
        left = told | self._tasks.get(owner, set())
        stuck = sorted(task.get_name() for task in left if task is not me and not task.done())
        for name in stuck:
            log.error("task %s did not end within %g s of being cancelled; it is left behind", name, wait_s)
        return stuck


def _is_fault(error: BaseException) -> bool:
    """Whether the work failed: also by `sys.exit()`, or by awaiting what somebody else cancelled."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and not task.cancelling()
    return isinstance(error, (Exception, SystemExit))
