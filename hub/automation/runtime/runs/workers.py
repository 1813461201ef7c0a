"""Runs the calls of runs: those that wait for nothing share one task, since a task costs as much as such a call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, TypeAlias

from hub.automation.runtime.runs.journal import Spawn
from hub.automation.runtime.runs.strands import Cancel, Done, Raised

CALLS_PER_TURN = 50
"""Calls in one turn of the loop, so that a burst lets others work in between."""

Work: TypeAlias = Coroutine[Any, Any, object]


class Workers:
    """Tasks that run calls one after the other; one that has to wait leaves the rest to another task."""

    def __init__(self, spawn: Spawn) -> None:
        """Start tasks by `spawn`."""
        self._spawn = spawn
        self._waiting: deque[_Job] = deque()
        self._is_working = False

    def submit(self, work: Work, done: Done) -> Cancel:
        """Run work under the present context and tell `done` its result or `Raised`; what cancels it."""
        job = _Job(work, done)
        self._waiting.append(job)
        if not self._is_working:
            self._is_working = True
            self._spawn("calls of runs", self._work())
        return job.cancel

    async def _work(self) -> None:
        """Run what waits; whoever gets stuck is no longer the one that works.

        Calls go before what runs do with their results, so that the last of a burst is not late by all that.
        """
        ended: deque[_Job] = deque()
        while self._waiting or ended:
            if not self._waiting or len(ended) >= CALLS_PER_TURN:
                while ended:
                    ended.popleft().tell()
                await asyncio.sleep(0)
                continue
            job = self._waiting.popleft()
            if job.is_cancelled:
                continue
            awaited = job.begin()
            if awaited is None:
                ended.append(job)
                continue
            self._hand_over()
            while ended:
                ended.popleft().tell()
            job.task = asyncio.current_task()
            await job.rest(awaited[0])
            return
        self._is_working = False

    def _hand_over(self) -> None:
        if self._waiting:
            self._spawn("calls of runs", self._work())
        else:
            self._is_working = False


class _Job:
    """One call."""

    __slots__ = ("_context", "_done", "_result", "_work", "is_cancelled", "task")

    def __init__(self, work: Work, done: Done) -> None:
        self._work = work
        self._done = done
        self._context: Context = copy_context()
        self._result: object = None
        self.is_cancelled = False
        self.task: asyncio.Task[Any] | None = None
        """The task that it has to itself, since it waits."""

    def cancel(self) -> None:
        """End it where it stands; nobody is told."""
        self.is_cancelled = True
        if self.task is not None:
            self.task.cancel()
        else:
            self._work.close()

    def begin(self) -> tuple[object] | None:
        """Run it up to its first wait; what it waits for, or None when it has ended."""
        try:
            return (self._context.run(self._work.send, None),)
        except StopIteration as ended:
            self._result = ended.value
        except Exception as error:  # noqa: BLE001 - it is raised where the run awaits the response
            self._result = Raised(error)
        return None

    async def rest(self, awaited: object) -> None:
        """Run it to its end in a task of its own."""
        try:
            self._result = await _Rest(self._step, awaited)
        except Exception as error:  # noqa: BLE001 - it is raised where the run awaits the response
            self._result = Raised(error)
        self.tell()

    def _step(self, value: object, error: BaseException | None) -> object:
        if error is not None:
            return self._context.run(self._work.throw, error)
        return self._context.run(self._work.send, value)

    def tell(self) -> None:
        """Tell whoever waits how it ended."""
        if not self.is_cancelled:
            self._done(self._result)


class _Rest(Awaitable[object]):
    """The rest of a coroutine that somebody else has begun."""

    def __init__(self, step: Callable[[object, BaseException | None], object], awaited: object) -> None:
        self._step = step
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, object]:
        awaited = self._awaited
        value: object = None
        error: BaseException | None = None
        while True:
            try:
                value, error = (yield awaited), None
            except BaseException as thrown:  # noqa: BLE001 - it is for the coroutine inside
                error = thrown
            try:
                awaited = self._step(value, error)
            except StopIteration as ended:
                return ended.value
