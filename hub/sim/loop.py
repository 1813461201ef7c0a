"""An asyncio loop in virtual time: while everybody waits, time jumps to the next timer.

It is our own because no published loop does the whole job: looptime moves time in chunks and has no seeded
order, simloop and simloom need Python 3.12, seedloop is unfinished. The rules fit one page without a dependency,
and ours counts thread work, names what hangs, and repeats an order from a seed.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import threading
from collections import deque
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import PurePath
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, Unpack

from hub.core.ids import SeededIds

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
    from contextvars import Context

    from _typeshed import FileDescriptorLike

    Events = list[tuple[selectors.SelectorKey, int]]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

STALL_LIMIT_S = 30.0
# At epoch-sized times a float moves in steps of 2.4e-7 s. With a resolution below that, now + resolution == now:
# a timer that is due is never taken off the heap, and the loop spins for ever.
_CLOCK_RESOLUTION_S = 1e-6
_SHUFFLE_WINDOW = 4
# Loopback data is nearly always there before the poll; a busy kernel may hand it over a little later.
_LOOPBACK_GRACE_S = 0.1
_PASSES_WITHOUT_TIME_MAX = 1_000_000  # about a second of real time
_NAMED_TASKS_MAX = 20
_NAMED_PLACES_MAX = 32


class Deadlock(RuntimeError):
    """Every task waits, and nothing is left that could wake one."""


class Stalled(RuntimeError):
    """Thread work did not end within the stall limit, in real seconds."""


class NeverIdle(RuntimeError):
    """Something runs on and on without letting time pass."""


class _NumberedTask(asyncio.Task[T]):
    """A task that hashes to its number: a TaskGroup cancels in set order, and addresses differ each run."""

    __slots__ = ("_number",)

    def __init__(self, number: int, coro: Coroutine[Any, Any, T], **options: Any) -> None:
        self._number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number


class _Selector(selectors.BaseSelector):
    """A real selector whose waiting the loop decides."""

    def __init__(self, wait: Callable[[float | None], Events]) -> None:
        self.real = selectors.DefaultSelector()
        self.watches_files = False  # anything besides the loop's own self-pipe, which is registered first
        self._wait = wait

    def select(self, timeout: float | None = None) -> Events:
        return self._wait(timeout)

    def register(self, fileobj: FileDescriptorLike, events: int, data: object = None) -> selectors.SelectorKey:
        key = self.real.register(fileobj, events, data)
        self.watches_files = len(self.real.get_map()) > 1
        return key

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        key = self.real.unregister(fileobj)
        self.watches_files = len(self.real.get_map()) > 1
        return key

    def modify(self, fileobj: FileDescriptorLike, events: int, data: object = None) -> selectors.SelectorKey:
        return self.real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        return self.real.get_map()

    def close(self) -> None:
        self.real.close()


class _ShuffledReady(deque[asyncio.Handle]):
    """A ready queue that gives a random one of its first few handles, repeatable from a seed.

    With real transports it keeps its order: their callbacks rely on first in, first out.
    """

    def __init__(self, seed: int, selector: _Selector) -> None:
        super().__init__()
        self._random = SeededIds(seed).random.random
        self._selector = selector

    def popleft(self) -> asyncio.Handle:
        window = min(len(self), _SHUFFLE_WINDOW)
        if window < 2 or self._selector.watches_files:
            return super().popleft()
        place = int(self._random() * window)
        self.rotate(-place)
        handle = super().popleft()
        self.rotate(place)
        return handle


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop whose `time()` starts at 0 and jumps to the next timer as soon as nothing can run.

    Time stands still while thread work is in flight. A run that cannot go on raises `Deadlock`, `Stalled` or
    `NeverIdle` out of `run_until_complete`. With a seed, the next handle is a random one of the first four ready.
    """

    # asyncio's own, used here on purpose: the standard loop has no other way in.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _signal_handlers: dict[int, asyncio.Handle]
    _default_executor: Executor | None
    _check_closed: Callable[[], None]
    _check_default_executor: Callable[[], None]

    def __init__(self, *, seed: int | None = None, stall_limit_s: float = STALL_LIMIT_S) -> None:
        """Make a loop at virtual second 0; `stall_limit_s` is real time."""
        self._now = 0.0
        self._stall_limit_s = stall_limit_s
        self._has_stalled = False
        self._passes_without_time = 0
        self._in_flight: dict[int, str] = {}
        self._all_landed: asyncio.Future[None] | None = None
        self._flight_numbers = count(1)
        self._task_numbers = count(1)
        self._files = _Selector(self._wait)
        super().__init__(self._files)
        self._clock_resolution = _CLOCK_RESOLUTION_S
        if seed is not None:
            self._ready = _ShuffledReady(seed, self._files)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    @property
    def in_flight(self) -> tuple[str, ...]:
        """What runs outside the loop now and holds time still."""
        return tuple(self._in_flight.values())

    @contextmanager
    def flight(self, what: str) -> Iterator[None]:
        """Hold time still while work of yours runs in another thread; `what` names it if it never ends.

        Enter and leave on the loop's thread, around the await of the result.
        """
        number = self._take_off(what)
        try:
            yield
        finally:
            self._land(number)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Task[T]:
        """Schedule a coroutine; tasks are numbered per loop, so that names and set order repeat."""
        if self.get_task_factory() is not None:
            return super().create_task(coro, name=name, context=context, **options)
        self._check_closed()
        number = next(self._task_numbers)
        name = f"Task-{number}" if name is None else str(name)
        return _NumberedTask(number, coro, loop=self, name=name, context=context, **options)  # type: ignore[arg-type]

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run a function in a thread; time stands still until the thread is done with it."""
        self._check_closed()
        if executor is None:
            self._check_default_executor()
            if self._default_executor is None:
                self._default_executor = ThreadPoolExecutor(thread_name_prefix="virtual")
            executor = self._default_executor
        work = executor.submit(func, *args)
        future = asyncio.wrap_future(work, loop=self)
        # Landing hangs on the work, not on the future: a cancelled future leaves its thread running. It comes after
        # wrap_future's own callback, so the result is in before time may move.
        work.add_done_callback(partial(self._land_from_thread, self._take_off(_function_name(func, args))))
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the default executor's threads, up to the stall limit: a timeout would be virtual."""
        self._executor_shutdown_called = True
        if self._default_executor is None or self._has_stalled:
            return  # close() lets go of the threads without waiting
        joined = asyncio.Event()
        args = (self, self._default_executor, joined)
        joining = threading.Thread(target=_join_executor, args=args, name="virtual-join", daemon=True)
        with self.flight("the end of the default executor's threads"):
            joining.start()
            await joined.wait()
            joining.join()  # it has nothing left to do

    async def _settle(self, now_s: float) -> None:
        """Let all run that is ready, due or in flight at `now_s`; NeverIdle bounds it."""
        # A timer may fire up to the clock's resolution early: close that gap.
        self._now = max(self._now, now_s)
        while True:
            is_due = bool(self._scheduled) and self._scheduled[0].when() <= self._now
            if self._ready or is_due:
                await asyncio.sleep(0)
            elif self._in_flight:
                if self._all_landed is None:
                    self._all_landed = self.create_future()
                await asyncio.shield(self._all_landed)
            else:
                return

    def _wait(self, timeout: float | None) -> Events:
        """Stand in for the selector's wait: poll, let threads finish, or jump."""
        # With only the self-pipe watched and nobody else to write to it, the system call would find nothing.
        if self._in_flight or self._files.watches_files or self._signal_handlers:
            events = self._files.real.select(0)
            if events:
                self._passes_without_time = 0
                return events
        if (timeout is not None and timeout <= 0) or self._ready:
            self._passes_without_time += 1
            if self._passes_without_time > _PASSES_WITHOUT_TIME_MAX:
                self._passes_without_time = 0
                raise NeverIdle(_never_idle_text(self))
            return []
        self._passes_without_time = 0
        if self._in_flight:
            events = self._files.real.select(self._stall_limit_s)
            if not events and not self._ready:
                self._give_up()
            return events
        if self._scheduled:
            when = self._scheduled[0].when()
            if when < math.inf:
                self._now = when
                return []
        events = self._files.real.select(_LOOPBACK_GRACE_S if self._files.watches_files else 0)
        if not events and not self._ready:
            raise Deadlock(_deadlock_text(self, self._files.watches_files))
        return events

    def _give_up(self) -> None:
        text = (
            f"stalled at virtual {self._now:.12g} s: work in other threads did not end within "
            f"{self._stall_limit_s:g} s of real time: {', '.join(self._in_flight.values())}.\n"
            "Find what blocks it, or raise stall_limit_s if it may take that long. Waiting:\n"
            f"{_waiting_tasks(self)}"
        )
        # Written off, so that cancelling and closing do not wait for it again.
        self._in_flight.clear()
        self._has_stalled = True
        raise Stalled(text)

    def _take_off(self, what: str) -> int:
        number = next(self._flight_numbers)
        self._in_flight[number] = what
        return number

    def _land(self, number: int) -> None:
        self._in_flight.pop(number, None)
        if not self._in_flight and self._all_landed is not None:
            self._all_landed.set_result(None)
            self._all_landed = None

    def _land_from_thread(self, number: int, _work: Future[T]) -> None:
        with suppress(RuntimeError):  # the loop was closed first
            self.call_soon_threadsafe(self._land, number)


def _join_executor(loop: VirtualLoop, executor: Executor, joined: asyncio.Event) -> None:
    executor.shutdown(wait=True)
    with suppress(RuntimeError):  # the loop was closed first
        loop.call_soon_threadsafe(joined.set)


def run_virtual(
    main: Callable[[VirtualLoop], Coroutine[Any, Any, T]],
    *,
    seed: int | None = None,
    stall_limit_s: float = STALL_LIMIT_S,
) -> T:
    """Run `main(loop)` on a new virtual loop, cancel what it leaves behind, and close the loop."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(seed=seed, stall_limit_s=stall_limit_s)) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(main(loop))


async def advance(loop: VirtualLoop, seconds: float) -> None:
    """Let everything due within that many virtual seconds run, and return at exactly that time, with all idle."""
    if not 0 <= seconds < math.inf:
        raise ValueError(f"advance by {seconds!r} s: give a finite number of seconds, 0 or more")
    target_s = loop.time() + seconds
    await asyncio.sleep(seconds)
    await loop._settle(target_s)  # noqa: SLF001 - nobody but advance may set the time


def _function_name(func: Callable[..., object], args: tuple[object, ...]) -> str:
    """The name of the function a thread really runs, behind partial() and to_thread()'s context."""
    inner: object = func
    if isinstance(func, partial):
        args = (*func.args, *args)
        inner = func.func
    if getattr(inner, "__qualname__", "") == "Context.run" and args:
        inner = args[0]
    name = getattr(inner, "__qualname__", None) or repr(inner)
    module = getattr(inner, "__module__", None)
    return f"{module}.{name}" if module else name


def _deadlock_text(loop: VirtualLoop, watches_files: bool) -> str:
    outside = " Sockets or pipes are watched, but nobody outside is waited for." if watches_files else ""
    return (
        f"deadlock at virtual {loop.time():.12g} s: no timer is set, nothing is ready and no thread work is "
        f"in flight.{outside} Waiting for ever:\n{_waiting_tasks(loop)}\n"
        "Set what they wait for, give the wait a timeout, or hold loop.flight() around threads of your own."
    )


def _never_idle_text(loop: VirtualLoop) -> str:
    return (
        f"never idle: after {_PASSES_WITHOUT_TIME_MAX:,} passes at virtual {loop.time():.12g} s something still "
        f"runs without letting time pass. Look for a loop around sleep(0) among:\n{_waiting_tasks(loop)}"
    )


def _waiting_tasks(loop: VirtualLoop) -> str:
    """One line per unfinished task: its name and the chain of places it waits in, the innermost last."""
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: (len(task.get_name()), task.get_name()))
    lines = [f"  {task.get_name()}: {_where(task)}" for task in tasks[:_NAMED_TASKS_MAX]]
    if len(tasks) > _NAMED_TASKS_MAX:
        lines.append(f"  and {len(tasks) - _NAMED_TASKS_MAX} more")
    return "\n".join(lines) or "  no task"


def _where(task: asyncio.Task[Any]) -> str:
    places: list[str] = []
    at: object = task.get_coro()
    while len(places) < _NAMED_PLACES_MAX:
        if isinstance(at, CoroutineType):
            frame, inner = at.cr_frame, at.cr_await
        elif isinstance(at, GeneratorType):
            frame, inner = at.gi_frame, at.gi_yieldfrom
        elif isinstance(at, AsyncGeneratorType):
            frame, inner = at.ag_frame, at.ag_await
        else:
            break
        if frame is not None:
            file = "/".join(PurePath(frame.f_code.co_filename).parts[-2:])
            places.append(f"{at.__qualname__} ({file}:{frame.f_lineno})")
        at = inner
    return " > ".join(places) or repr(at)
