"""One thread that does what it is given, in order, and answers on the loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
Job = Callable[[], None]


class Worker:
    """A thread of our own and not an executor's: a commit waits for two hand-overs, and these are the cheapest."""

    def __init__(self, name: str) -> None:
        """Start the thread; it does not keep the process alive."""
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], T], answer: Callable[[T | None, BaseException | None], object]) -> None:
        """Have work done; the loop that runs now then gets its result, or None and its error."""
        loop = asyncio.get_running_loop()

        def job() -> None:
            result, failure = None, None
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - it is the caller's, whatever it is
                failure = error
            with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
                loop.call_soon_threadsafe(answer, result, failure)

        self._jobs.put(job)

    async def run(self, work: Callable[[], T]) -> T:
        """Do work and return its result; cancelling the caller does not stop it."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def answer(result: T | None, error: BaseException | None) -> None:
            if done.cancelled():
                return
            if error is None:
                done.set_result(result)  # type: ignore[arg-type]
            else:
                done.set_exception(error)

        self.submit(work, answer)
        return await done

    def stop(self) -> None:
        """Let the thread finish what it was given, and wait for its end."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # or it would hold what it worked on until the next one comes
