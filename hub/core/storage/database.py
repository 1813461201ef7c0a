"""One SQLite file: `await db.write(fn)` and `await db.read(fn)`, and nothing else touches it.

Writes are whole functions, run on the single writer thread and committed in groups; waiting writers share a COMMIT.
In virtual time the same code runs inline in the loop, without threads.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, cast

from hub.core import context as contexts
from hub.core.clock import Clock
from hub.core.faultpoints import point
from hub.core.storage import migrations as schema
from hub.core.storage.access import CORE, Access
from hub.core.storage.connections import Durability, copy_into, open_reader, open_writer
from hub.core.storage.errors import StorageClosed, StorageCorrupt, StorageError, StorageOverloaded, fault_of
from hub.core.storage.groups import GROUP_MAX, Committer, FairQueue, Write, as_answer, refuse_coroutine
from hub.core.storage.migrations import Migration
from hub.core.storage.transactions import Reader, Tx
from hub.core.storage.worker import Worker

log = logging.getLogger(__name__)
A = TypeVar("A")
T = TypeVar("T")

WAITING_MAX = 100_000
"""When this many writes wait, an origin that has a group's worth of them is refused more: memory stays bounded."""

SHARED_READERS = 2
"""Connections that all owners read with."""

READERS = SHARED_READERS + 1
"""One more is the core's alone: plugins that read slowly must not keep timers and outbox waiting."""


class Database:
    """An open file with its one writer and its readers."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        durability: Durability = Durability.FULL,
        runs_twice: bool = False,
    ) -> None:
        """Name the file; `open` opens it. `runs_twice` rehearses every write function, to find impure ones."""
        self.path = path
        self._clock = clock
        self._durability = durability
        self._runs_twice = runs_twice
        self._queue = FairQueue()
        self._is_busy = False
        self._is_closing = False
        self._idle = asyncio.Event()
        self._committer: Committer | None = None
        self._reserved: asyncio.Queue[sqlite3.Connection] = asyncio.Queue()
        self._shared: asyncio.Queue[sqlite3.Connection] = asyncio.Queue()
        self._copies: set[asyncio.Future[None]] = set()
        self._accesses: dict[sqlite3.Connection, Access] = {}
        """The access of each reading connection."""
        self._writer_thread: Worker | None = None
        self._reader_threads: ThreadPoolExecutor | None = None
        self.fault: StorageError | None = None
        """Why the last write failed, while the store is failing; None when all is well."""
        self._needs_copy = False
        self.on_committed: Callable[[int], None] = lambda now_us: None
        """Told the time of each commit."""
        self.on_fault: Callable[[StorageError | None], None] = lambda fault: None
        """Told when the store starts to fail, and with None when it works again."""

    async def open(self) -> None:
        """Open the file, creating it if it is new; raises a typed error that says what to do."""
        if not self._clock.is_virtual:
            self._writer_thread = Worker(f"write {self.path.name}")
            self._reader_threads = ThreadPoolExecutor(READERS, thread_name_prefix=f"read {self.path.name}")
        try:
            writer, *readers = await self._on_writer(self._open_all)
        except BaseException:
            self._stop_threads()
            raise
        self._committer = Committer(
            writer, str(self.path), self._clock.monotonic, self._clock.now_us, self._runs_twice
        )
        for reader in readers:
            self._accesses[reader] = Access(reader)
            (self._shared if self._reserved.qsize() else self._reserved).put_nowait(reader)

    async def close(self) -> None:
        """Commit what waits, then close; writes that come later raise `StorageClosed`."""
        if self._committer is None or self._is_closing:
            return
        self._is_closing = True
        while self._is_busy or self._queue.size:
            self._idle.clear()
            await self._idle.wait()
        committer, self._committer = self._committer, None
        if self._copies:
            await asyncio.wait(self._copies)
        readers = [await self._reserved.get()] + [await self._shared.get() for _ in range(SHARED_READERS)]
        closing = [reader.close for reader in readers] + [committer.close]
        if isinstance(self.fault, StorageCorrupt):
            closing.reverse()  # the last to close tidies up the file, unless it may only read: leave it as it is
        for close in closing:
            await self._on_writer(close)
        self._stop_threads()

    async def migrate(self, owner: str, migrations: Sequence[Migration], backup: Path | None = None) -> int:
        """Bring an owner's tables up to date; how many steps were run.

        A file that held data when it was opened is copied to `backup` before the first step of any owner.
        """
        committer = self._opened()
        steps = await self._on_writer(lambda: schema.pending(committer.connection, owner, migrations))
        if not steps:
            return 0
        if backup is not None and self._needs_copy:
            await self._on_writer(lambda: copy_into(self.path, backup))
            self._needs_copy = False
        now_us = self._clock.now_us()

        def run() -> None:
            connection = committer.connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                schema.apply(connection, committer.access, owner, steps, now_us)
                point("storage.migration")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

        try:
            await self._on_writer(run)
        except sqlite3.Error as error:
            raise fault_of(error, str(self.path)) or error from None
        for access in self._accesses.values():
            access.forget()
        return len(steps)

    async def write(self, fn: Callable[[Tx], T], *, owner: str = CORE, origin: str | None = None) -> T:
        """Run a function as one transaction; returns its result once it is on disk.

        The function may run twice, so it touches nothing but its `tx`. Cancelling the caller does not cancel the
        write. Writes of one origin commit in the order in which they were asked for.
        """
        self._opened()
        if self._is_closing:
            raise StorageClosed(f"{self.path}: closing; this write was not made")
        if self.fault is not None and isinstance(self.fault, StorageCorrupt):
            raise _renewed(self.fault)
        if self._queue.size >= WAITING_MAX and self._queue.waiting(origin or owner) >= GROUP_MAX:
            raise StorageOverloaded(f"{self.path}: {WAITING_MAX} writes wait already; the disk may hang, try again")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[object] = loop.create_future()
        self._queue.put(Write(fn, owner, origin or owner, contexts.current(), done))
        if not self._is_busy:
            self._is_busy = True
            loop.call_soon(self._next_group)
        return cast(T, await done)  # cancelling the caller cancels this future, which is its own, and nothing else

    async def read(self, fn: Callable[[Reader], T], *, owner: str = CORE) -> T:
        """Run a function on one consistent snapshot; it sees every write that was acknowledged before."""
        self._opened()
        free = self._shared
        if owner == CORE and (free.empty() or not self._reserved.empty()):
            free = self._reserved
        connection = await free.get()
        reader = Reader(connection, self._accesses[connection], owner)
        reading = self._on_reader(lambda: self._in_snapshot(connection, reader, fn))
        # A cancelled caller leaves its thread at work: nobody may have the connection before that has ended.
        reading.add_done_callback(lambda _: free.put_nowait(connection))
        try:
            return await asyncio.shield(reading)
        except sqlite3.Error as error:
            fault = fault_of(error, str(self.path))
            if fault is None:
                raise
            if isinstance(fault, StorageCorrupt):
                self._fail(fault)
            raise fault from error

    async def copy_to(self, target: Path) -> None:
        """Write a compact, consistent copy while the hub goes on working."""
        self._opened()
        if self._clock.is_virtual:
            copy_into(self.path, target)
            return
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"copy {self.path.name}")  # readers have better to do
        copying = asyncio.get_running_loop().run_in_executor(thread, copy_into, self.path, target)
        thread.shutdown(wait=False)  # it ends when the copy is made
        self._copies.add(copying)
        copying.add_done_callback(self._copies.discard)
        await asyncio.shield(copying)

    def _open_all(self) -> list[sqlite3.Connection]:
        opened = [open_writer(self.path, self._durability)]
        try:
            opened[0].execute(schema.HISTORY)
            self._needs_copy = _has_data(opened[0])
            opened += [open_reader(self.path) for _ in range(READERS)]
        except Exception as error:  # noqa: BLE001 - raised again
            for connection in opened:
                connection.close()
            raise fault_of(error, str(self.path)) or error from None
        return opened

    @staticmethod
    def _in_snapshot(connection: sqlite3.Connection, reader: Reader, fn: Callable[[Reader], T]) -> T:
        connection.execute("BEGIN")
        try:
            result = fn(reader)
        except (StopIteration, SystemExit, asyncio.CancelledError) as error:
            raise as_answer(error, fn) from error
        finally:
            reader._end()  # noqa: SLF001 - made by this module
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        refuse_coroutine(result, fn)
        return result

    def _opened(self) -> Committer:
        if self._committer is None:
            raise StorageClosed(f"{self.path} is not open")
        return self._committer

    def _next_group(self) -> None:
        group = self._queue.take()
        if not group:
            self._is_busy = False
            self._idle.set()
            return
        committer = self._opened()
        if self._writer_thread is None:
            try:
                count = committer.commit(group)
            except Exception as error:  # noqa: BLE001 - it is the answer of every write in the group
                self._failed(group, error)
            else:
                self._committed(group, count)
            return

        def landed(count: int | None, error: BaseException | None) -> None:
            if count is None:
                assert error is not None
                self._failed(group, error)
            else:
                self._committed(group, count)

        self._writer_thread.submit(lambda: committer.commit(group), landed)

    def _committed(self, group: list[Write], count: int) -> None:
        if self.fault is not None:
            log.warning("%s: writing works again", self.path)
            self.fault = None
            self._tell(self.on_fault, None)
        self._tell(self.on_committed, self._clock.now_us())
        committed = group[:count]
        for write in committed:
            if write.callbacks:
                with contexts.use(write.context):
                    self._call_back(write)
        point("storage.after_callbacks")
        for write in committed:
            done = write.done
            if done.done():
                continue  # its waiter was cancelled; the write stands all the same
            if write.error is None:
                done.set_result(write.result)
            else:
                done.set_exception(write.error)
        self._queue.put_back(group[count:])
        self._go_on()

    @staticmethod
    def _call_back(write: Write) -> None:
        for callback in write.callbacks:
            try:
                callback()
            except (Exception, asyncio.CancelledError):
                log.exception("%s: a callback after commit failed; the write itself is on disk", write.owner)

    def _failed(self, group: list[Write], error: BaseException) -> None:
        if isinstance(error, StorageError):
            self._fail(error)
        else:
            log.error("%s: a group of writes failed", self.path, exc_info=error)
        for write in group:
            if not write.done.done():
                write.done.set_exception(_renewed(error))
        self._go_on()

    def _fail(self, error: StorageError) -> None:
        """Note that the store fails; a new kind of failure is told."""
        is_news = type(error) is not type(self.fault)
        self.fault = error
        if is_news:
            log.error("%s: writes fail: %s", self.path, error)
            self._tell(self.on_fault, error)

    def _tell(self, listener: Callable[[A], None], news: A) -> None:
        try:
            listener(news)
        except Exception:
            log.exception("%s: a listener failed", self.path)

    def _go_on(self) -> None:
        if self._queue.size:
            asyncio.get_running_loop().call_soon(self._next_group)
        else:
            self._is_busy = False
            self._idle.set()

    async def _on_writer(self, work: Callable[[], T]) -> T:
        if self._writer_thread is None:
            return work()
        return await self._writer_thread.run(work)

    def _on_reader(self, work: Callable[[], T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        if self._reader_threads is not None:
            return loop.run_in_executor(self._reader_threads, work)
        done: asyncio.Future[T] = loop.create_future()
        try:
            done.set_result(work())
        except Exception as error:  # noqa: BLE001 - the caller awaits it
            done.set_exception(error)
        return done

    def _stop_threads(self) -> None:
        if self._writer_thread is not None:
            self._writer_thread.stop()
        if self._reader_threads is not None:
            self._reader_threads.shutdown(wait=True)


def _renewed(error: BaseException) -> BaseException:
    """An error for one more waiter: one object raised in many tasks would gather all their tracebacks."""
    if not isinstance(error, StorageError):
        return error
    renewed = type(error)(*error.args)
    renewed.__cause__ = error.__cause__
    return renewed


def _has_data(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM core__migrations").fetchone()[0])
