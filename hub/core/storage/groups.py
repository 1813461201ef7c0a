"""How waiting writes become one COMMIT: fair between origins, optimistic, and one bad write sinks no other."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from hub.core.context import Context
from hub.core.faultpoints import point
from hub.core.storage.access import Access
from hub.core.storage.errors import ConstraintViolated, StorageRefused, fault_of
from hub.core.storage.transactions import Desk, Shared, Tx

GROUP_MAX = 1000
"""The most writes in one commit."""

GROUP_TIME_S = 0.010
"""A group stops taking more writes after this long, so that a newcomer's wait stays short."""


_Change = tuple[int, int, str, str, str, str | None]


@dataclass(slots=True, eq=False)
class Write:
    """One function that waits to be run as part of a commit."""

    fn: Callable[[Tx], object]
    owner: str
    origin: str
    context: Context
    done: asyncio.Future[object]
    result: object = None
    error: BaseException | None = None
    callbacks: Sequence[Callable[[], object]] = ()


class FairQueue:
    """Writes waiting, by origin; a group takes one from each in turn, so a burst of one delays no other."""

    def __init__(self) -> None:
        """Start empty."""
        self._by_origin: OrderedDict[str, deque[Write]] = OrderedDict()
        """In the order of their turns."""
        self.size = 0

    def put(self, write: Write) -> None:
        """Add a write behind the others of its origin."""
        waiting = self._by_origin.get(write.origin)
        if waiting is None:
            waiting = self._by_origin[write.origin] = deque()
        waiting.append(write)
        self.size += 1

    def take(self) -> list[Write]:
        """The next group, at most `GROUP_MAX` writes."""
        group: list[Write] = []
        while self._by_origin and len(group) < GROUP_MAX:
            turns = list(self._by_origin.items())
            if len(turns) == 1:  # nobody to be fair to
                ((origin, waiting),) = turns
                group += [waiting.popleft() for _ in range(min(len(waiting), GROUP_MAX - len(group)))]
                if not waiting:
                    del self._by_origin[origin]
                break
            for origin, waiting in turns[: GROUP_MAX - len(group)]:
                group.append(waiting.popleft())
                if waiting:
                    self._by_origin.move_to_end(origin)
                else:
                    del self._by_origin[origin]
        self.size -= len(group)
        return group

    def put_back(self, group: list[Write]) -> None:
        """Return the tail of a group that ran out of time, to the front of the queue and in the same order."""
        for write in reversed(group):
            self._by_origin.setdefault(write.origin, deque()).appendleft(write)
            self._by_origin.move_to_end(write.origin, last=False)
        self.size += len(group)

    def waiting(self, origin: str) -> int:
        """How many writes of one origin wait."""
        return len(self._by_origin.get(origin, ()))


class Committer:
    """The one writing connection; everything here runs on the writer's thread (or inline in simulation)."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: str,
        monotonic: Callable[[], float],
        now_us: Callable[[], int],
        runs_twice: bool,
    ) -> None:
        """Take over the connection; `runs_twice` rehearses every function once before it counts."""
        self.connection = connection
        self.access = Access(connection)
        self._cursor = connection.cursor()
        self._desk = Desk(self._cursor, path, self._take_seq)
        self._path = path
        self._monotonic = monotonic
        self._now_us = now_us
        self._runs_twice = runs_twice
        self._seq = self._seq_before = 0
        self._at_us = 0
        self._changes: list[_Change] = []

    def close(self) -> None:
        """Close the connection, and with it the file: nothing of SQLite's stays behind."""
        self._cursor.close()
        self.connection.close()

    def commit(self, writes: list[Write]) -> int:
        """Run writes and commit them together; how many were run. Results and errors are left on the writes.

        Raises a `StorageError` when the store failed: then none of those run is on disk.
        """
        try:
            try:
                return self._commit_all(writes)
            except _OneFailed as failed:
                writes = writes[: failed.count]
            try:
                left = list(writes)
                while not self._commit_singly(left):
                    pass
            except sqlite3.IntegrityError:
                return self._commit_apart(writes)
            return len(writes)
        except sqlite3.Error as error:
            self._rollback()
            raise fault_of(error, self._path) or error from error
        except BaseException:
            self._rollback()
            raise

    def _commit_all(self, writes: list[Write]) -> int:
        self._begin()
        until = self._monotonic() + GROUP_TIME_S
        count = 0
        for write in writes:
            count += 1
            if not self._run(write):
                self._rollback()
                if len(writes) == 1:
                    return 1
                raise _OneFailed(count)
            if self._monotonic() > until:
                break
        try:
            self._end()
        except sqlite3.IntegrityError:
            self._rollback()
            raise _OneFailed(count) from None
        return count

    def _commit_singly(self, left: list[Write]) -> bool:
        """Run each in a savepoint; False when one undid the whole transaction: it is taken off the list."""
        self._begin()
        for write in left:
            write.result, write.error, write.callbacks = None, None, ()
            self.connection.execute("SAVEPOINT one")
            seq = self._seq
            if not self._run(write):
                if not self.connection.in_transaction:
                    left.remove(write)
                    return False
                self.connection.execute("ROLLBACK TO one")
                self._seq = seq
            self.connection.execute("RELEASE one")
        self._end()
        return True

    def _commit_apart(self, writes: list[Write]) -> int:
        """Run each in a transaction of its own, because a deferred constraint speaks up at COMMIT only.

        How many were run: when the store fails after the first, what is on disk is answered as such, and the rest
        is left for the next group, which meets the fault by itself.
        """
        self._rollback()
        for place, write in enumerate(writes):
            write.result, write.error, write.callbacks = None, None, ()
            try:
                self._commit_one(write)
            except Exception:
                if place == 0:
                    raise
                with suppress(sqlite3.Error):  # the next transaction cannot begin then, and says it
                    self._rollback()
                for later in writes[place:]:
                    later.result, later.error, later.callbacks = None, None, ()
                return place
        return len(writes)

    def _commit_one(self, write: Write) -> None:
        self._begin()
        if self._run(write):
            try:
                self._end()
            except sqlite3.IntegrityError as error:
                write.error, write.callbacks = ConstraintViolated(str(error)), ()
        self._rollback()

    def _begin(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        row = self.connection.execute("SELECT change_seq FROM core__sequence").fetchone()
        self._seq = self._seq_before = row[0]
        self._at_us = self._now_us()
        self._changes = []

    def _end(self) -> None:
        if self._changes:
            self._cursor.executemany("INSERT INTO core__changes VALUES (?, ?, ?, ?, ?, ?)", self._changes)
        if self._seq != self._seq_before:
            self.connection.execute("UPDATE core__sequence SET change_seq = ?", (self._seq,))
        point("storage.before_commit")
        self.connection.execute("COMMIT")
        point("storage.after_commit")

    def _rollback(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def _run(self, write: Write) -> bool:
        """Run one function and leave its answer on the write; False when it raised."""
        if self._runs_twice and not self._rehearse(write):
            return False
        shared = Shared(write.context, self._desk)
        changes = self.connection.total_changes
        if not self._try(write, shared):
            return False
        if shared.taken_seq is not None or self.connection.total_changes != changes:
            self._record(write, shared)
        write.callbacks = shared.callbacks
        return True

    def _try(self, write: Write, shared: Shared) -> bool:
        try:
            result = write.fn(Tx(self.connection, self.access, write.owner, shared))
            if hasattr(result, "__await__"):
                refuse_coroutine(result, write.fn)
            write.result = result
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - nothing that one function raises may reach another's caller
            write.error = as_answer(error, write.fn)
        shared.end()
        if shared.fault is not None:  # whatever the function made of it
            if not isinstance(shared.fault, StorageRefused):
                raise shared.fault
            write.error = shared.fault
        return write.error is None

    def _record(self, write: Write, shared: Shared) -> None:
        """Note a write that changed something; the rows of a group are written together, at its end."""
        seq = shared.taken_seq
        if seq is None:
            seq = self._take_seq()
        cause = write.context
        self._changes.append((seq, self._at_us, write.owner, cause.id, cause.actor, cause.parent_id))

    def _take_seq(self) -> int:
        self._seq += 1
        return self._seq

    def _rehearse(self, write: Write) -> bool:
        """Run a function once for nothing, as a group that is run again would; False when it undid everything."""
        seq = self._seq
        self.connection.execute("SAVEPOINT rehearsal")
        self._try(write, Shared(write.context, self._desk))
        self._seq = seq
        if not self.connection.in_transaction:
            return False
        self.connection.execute("ROLLBACK TO rehearsal")
        self.connection.execute("RELEASE rehearsal")
        write.result, write.error = None, None
        return True


def refuse_coroutine(result: object, fn: object) -> None:
    """Raise when a function that should have been plain turned out to be asynchronous."""
    if hasattr(result, "__await__"):
        if hasattr(result, "close"):
            result.close()  # or Python complains of a coroutine that nobody awaited
        raise TypeError(f"{fn!r} is asynchronous; a transaction is a plain function")


def as_answer(error: BaseException, fn: object) -> Exception:
    """What a function's caller gets for what it raised: no StopIteration, which no future takes, and no cancel."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    answer = RuntimeError(f"{fn!r} raised {error!r}, which no transaction function may")
    answer.__cause__ = error
    return answer


class _OneFailed(Exception):
    """A write of an optimistic group failed; the group so far is run again one by one."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
