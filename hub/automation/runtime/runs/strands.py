"""Drives the steps of a run without a task of its own: at once, until they wait for something.

A run is a coroutine that only ever waits for a `Pause`. What does not wait is done before `start` returns, as in
Home Assistant, and thousands of waiting runs cost no task.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any, TypeAlias

from hub.automation.runtime.runs.outcomes import Cancelled
from hub.core import context as contexts
from hub.core.context import Context

Done: TypeAlias = "Callable[[object], None]"
"""Ends a pause with a value, or with an error to be raised where it was awaited."""

Cancel: TypeAlias = Callable[[], object]


class Raised:
    """An error as the end of a pause."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        """Raise it in the run."""
        self.error = error


class Pause:
    """What a run waits for: `begin(done)` starts it and returns what takes it back; `done` is called once."""

    __slots__ = ("begin",)

    def __init__(self, begin: Callable[[Done], Cancel]) -> None:
        """Name what to begin."""
        self.begin = begin

    def __await__(self) -> Generator[Pause, Any, Any]:
        """Hand it to whoever drives the run."""
        return (yield self)


class Strand:
    """One coroutine of a run: its trunk, or a parallel branch."""

    __slots__ = ("_cancel", "_context", "_end", "_is_running", "_is_stopped", "_turn", "_work", "is_over")

    def __init__(
        self, work: Coroutine[Pause, Any, None], context: Context, end: Callable[[BaseException | None], object]
    ) -> None:
        """Drive work under a context; `end` is told the error that it ended with, or None."""
        self._work = work
        self._context = context
        self._end = end
        self._cancel: Cancel | None = None
        self._turn = 0
        self._is_running = self._is_stopped = False
        self.is_over = False

    def start(self) -> None:
        """Go on until the work waits or ends."""
        if not self.is_over:
            self._go(None)

    def stop(self) -> None:
        """End the work where it stands; it is told with `Cancelled`."""
        if self.is_over or self._is_stopped:
            return
        self._is_stopped = True
        if self._is_running:
            return  # it ended itself by what it did; at its next pause it is over
        cancel, self._cancel = self._cancel, None
        self._turn += 1
        if cancel is not None:
            cancel()
        self._close()

    def _close(self) -> None:
        with suppress(Cancelled, StopIteration, RuntimeError):
            self._work.throw(Cancelled())
        self._work.close()
        self.is_over = True
        self._end(Cancelled())

    def _go(self, value: object) -> None:
        """Resume with a value, and again as long as pauses end at once."""
        self._is_running = True
        with contexts.use(self._context):
            pause = self._resume(value)
            while pause is not None:
                ended = self._begin(pause)
                if ended is None:
                    break
                pause = self._resume(ended[0])
        self._is_running = False

    def _resume(self, value: object) -> Pause | None:
        self._cancel = None
        self._turn += 1
        try:
            pause = self._work.throw(value.error) if isinstance(value, Raised) else self._work.send(value)
        except StopIteration:
            self._over(None)
            return None
        except BaseException as error:  # noqa: BLE001 - whoever owns the run is told
            self._over(error)
            return None
        if self._is_stopped:
            self._close()
            return None
        return pause

    def _over(self, error: BaseException | None) -> None:
        self.is_over = True
        self._end(Cancelled() if self._is_stopped else error)

    def _begin(self, pause: Pause) -> tuple[object] | None:
        """Begin a pause; its value if it ended at once."""
        turn = self._turn
        at_once: list[object] = []
        is_beginning = True

        def done(value: object = None) -> None:
            if turn != self._turn or self.is_over:
                return
            if is_beginning:
                at_once.append(value)
            else:
                self._go(value)

        cancel = pause.begin(done)
        is_beginning = False
        if self._is_stopped:  # by what it began
            self._turn += 1
            cancel()
            self._close()
            return None
        if at_once:
            return (at_once[0],)
        self._cancel = cancel
        return None
