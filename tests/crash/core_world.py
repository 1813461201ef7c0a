"""The whole hub with real clock, threads and files: what it is asked, and what must be true after every death."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core_plugins import Crash, Mirror, Outside
from records import Records

from hub.core.actions import UnknownOutcome
from hub.core.clock import SystemClock
from hub.core.hub import Hub
from hub.core.ids import SystemIds
from hub.core.plugins import Found
from hub.core.site import Site
from hub.core.storage import Reader, Tx

NAME = "core"
ROOTS = ("hub/core",)
WORKERS = 6
DRAIN_S = 10.0


def hits_max(point: str) -> int:
    """Up to which passage of a point a death is interesting."""
    return 3 if point == "storage.migration" else 12


def prepare(folder: Path, number: int) -> None:
    """Nothing is configured."""
    folder.mkdir(exist_ok=True)


def live(folder: Path, number: int, *, is_last: bool) -> None:
    """One life: look at what the last one left, settle it, and work until death (or, the last time, to the end)."""
    records = Outside.records = Records(folder)
    for text in violations(folder, records):
        records.violation(f"life {number}: {text}")
    asyncio.run(_live(folder, number, records, is_last))
    if is_last:
        for text in [*violations(folder, records), *leftovers(folder)]:
            records.violation(f"at the end: {text}")


async def _live(folder: Path, number: int, records: Records, is_last: bool) -> None:
    runs = open_runs(folder)
    site = Site(folder, "Crash", ZoneInfo("Asia/Shanghai"), {}, ballast_mb=0)
    found = [Found(plugin.manifest.name, "test", plugin, is_ours=True) for plugin in (Crash, Mirror)]
    hub = Hub(site, SystemClock(), SystemIds(), found=found)
    await hub.start()
    if Outside.resumed != runs:
        records.violation(f"life {number}: open runs {sorted(runs)}, resumed {sorted(Outside.resumed)}")
    work = Work(hub, records, number)
    await work.settle_old()
    await asyncio.gather(*(work.work(worker, 5 if is_last else 1_000_000) for worker in range(WORKERS)))
    await work.drain()
    await hub.stop()


class Work:
    """What the outside world asks of the hub."""

    def __init__(self, hub: Hub, records: Records, life: int) -> None:
        """Ask under keys that no other life uses."""
        self._kernel = hub.kernel
        self._records = records
        self._life = life

    async def work(self, worker: int, rounds: int) -> None:
        """One client that asks one thing after another."""
        for number in range(rounds):
            for kind in ("transfer", "timer", "mail", "set", "notify", "trip"):
                await self._ask(f"{kind} {self._life}-{worker}-{number}", kind, number)

    async def settle_old(self) -> None:
        """Ask again for what was never answered, and for some that was."""
        records = self._records
        answered = [key for key in records.answered if records.asked[key]["kind"] not in {"timer", "mail"}][-3:]
        for key in [*(set(records.asked) - set(records.answered) - records.settled), *answered]:
            kind = records.asked[key]["kind"]
            if kind in {"timer", "mail"}:
                records.settle(key)  # a plain write without a key is not asked again: nobody could know it
            elif kind == "trip" and key not in records.answered:
                await self._settle_trip(key)
            else:
                records.answer(key, await self._do(key, kind, records.asked[key]))

    async def drain(self) -> None:
        """Wait until every timer has fired and every message has left."""
        async with asyncio.timeout(DRAIN_S):
            while await self._kernel.db.read(_pending):
                await self._kernel.clock.sleep(0.005)

    async def _ask(self, key: str, kind: str, number: int) -> None:
        data: dict[str, Any] = {"amount": number + 1} if kind == "transfer" else {}
        self._records.ask(key, kind, **data)
        result = await self._do(key, kind, data)
        if kind == "transfer" and key not in Outside.told:
            self._records.violation(f"{key}: acknowledged before its callback ran")
        self._records.answer(key, result)

    async def _do(self, key: str, kind: str, data: dict[str, Any]) -> object:
        if kind in {"timer", "mail"}:
            return await Outside.hub.db.write(lambda tx: self._write(tx, key, kind))
        fields = {"key": key, **({"amount": data["amount"]} if kind == "transfer" else {})}
        return await self._kernel.actions.call(f"crash.{kind}", fields, key=key)

    def _write(self, tx: Tx, key: str, kind: str) -> None:
        hub = Outside.hub
        if kind == "mail":
            tx.execute("INSERT INTO crash__sent VALUES (?)", (key,))
            hub.outbox.put(tx, "mail", key, {"key": key})
            return
        tx.execute("INSERT INTO crash__asked VALUES (?)", (key,))
        due_us = hub.clock.now_us() + int(hub.ids.uniform(0, 30_000))
        hub.timers.set(tx, "fire", key, due_us, {"key": key})
        hub.journal.append(tx, "work", key, {"key": key})

    async def _settle_trip(self, key: str) -> None:
        """An unsafe call that was not answered: the hub must know whether it had been started."""
        state = await self._kernel.db.read(
            lambda r: r.value("SELECT state FROM core__action_keys WHERE action = 'crash.trip' AND key = ?", (key,))
        )
        begun = self._records.far["trip begun", key]
        if state is None and begun:
            self._records.violation(f"{key}: begun outside without a record")
        try:
            self._records.answer(key, await self._do(key, "trip", {}))
        except UnknownOutcome:
            if state != "started":
                self._records.violation(f"{key}: called unknown, its record says {state!r}")
            await self._kernel.actions.call("crash.trip", {"key": key}, key=key, on_unknown="skip")
            self._records.settle(key)
        else:
            if state == "started":
                self._records.violation(f"{key}: stopped in its middle, and was done again without being asked")


def _pending(reader: Reader) -> object:
    return reader.value(
        "SELECT (SELECT count(*) FROM core__timers) + (SELECT count(*) FROM core__outbox WHERE state = 'pending')"
    )


def open_runs(folder: Path) -> set[str]:
    """The runs whose journal is open."""
    with closing(_file(folder)) as file:
        return (
            set()
            if not _has(file, "core__journal")
            else set(_column(file, "SELECT DISTINCT run FROM core__journal"))
        )


def leftovers(folder: Path) -> Iterator[str]:
    """What should not be there once everything has been waited for."""
    with closing(_file(folder)) as file:
        for table in ("core__timers", "core__journal", "core__outbox WHERE state <> 'done'"):
            count = file.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            if count:
                yield f"{count} rows in {table}"


def violations(folder: Path, records: Records) -> Iterator[str]:
    """Every broken promise that the file shows."""
    with closing(_file(folder)) as file:
        verdict = file.execute("PRAGMA quick_check").fetchone()[0]
        if verdict != "ok":
            yield f"the file is damaged: {verdict}"
        if _has(file, "crash__sent"):
            answered: dict[str, set[str]] = {}
            for key in records.answered:
                answered.setdefault(records.asked[key]["kind"], set()).add(key)
            yield from _sequence(file)
            yield from _pairs(file, answered.get("transfer", set()))
            yield from _timers(file, answered.get("timer", set()))
            yield from _messages(file, records, answered)
            yield from _calls(file, records, answered)
        elif records.answered:
            yield "answers were given, and the tables are gone"


def _sequence(file: sqlite3.Connection) -> Iterator[str]:
    found = _column(file, "SELECT change_seq FROM core__changes ORDER BY change_seq")
    last = file.execute("SELECT change_seq FROM core__sequence").fetchone()[0]
    if found != list(range(1, last + 1)):
        yield f"the change sequence has gaps or ends at another number than {last}"


def _pairs(file: sqlite3.Connection, answered: set[str]) -> Iterator[str]:
    ours = dict(file.execute("SELECT key, count(*) FROM crash__entries GROUP BY key"))
    theirs = dict(file.execute("SELECT key, count(*) FROM mirror__entries GROUP BY key"))
    if ours != theirs:
        yield f"half a transaction: {sorted(set(ours.items()) ^ set(theirs.items()))[:3]}"
    unbalanced = file.execute(
        "SELECT key FROM (SELECT * FROM crash__entries UNION ALL SELECT * FROM mirror__entries)"
        " GROUP BY key HAVING sum(amount) <> 0"
    ).fetchall()
    if unbalanced:
        yield f"pairs that do not sum to zero: {unbalanced[:3]}"
    yield from _missing("transfer", answered, ours)
    twice = [key for key, count in ours.items() if count > 1]
    if twice:
        yield f"transfers made more than once: {twice[:3]}"


def _timers(file: sqlite3.Connection, answered: set[str]) -> Iterator[str]:
    asked = _column(file, "SELECT key FROM crash__asked")
    yield from _missing("timer", answered, asked)
    fired = Counter(_column(file, "SELECT key FROM crash__fired"))
    waiting = Counter(_column(file, "SELECT key FROM core__timers"))
    runs = Counter(_column(file, "SELECT run FROM core__journal"))
    for key in set(asked) | set(fired) | set(waiting) | set(runs):
        if (fired[key], waiting[key], runs[key]) not in {(1, 0, 0), (0, 1, 1)}:
            yield f"{key}: fired {fired[key]}, waiting {waiting[key]}, journal lines {runs[key]}"


def _messages(file: sqlite3.Connection, records: Records, answered: dict[str, set[str]]) -> Iterator[str]:
    rows = list(file.execute("SELECT topic, key, state FROM core__outbox"))
    for kind, topic in (("mail", "crash:mail"), ("notify", "action:crash.notify")):
        queued = [key for of, key, _ in rows if of == topic]
        yield from _missing(kind, answered.get(kind, set()), queued)
        if len(set(queued)) != len(queued):
            yield f"{kind}: a key stands twice in the outbox"
        lost = [key for of, key, state in rows if of == topic and state == "done" and not records.far[kind, key]]
        if lost:
            yield f"{kind}: recorded as delivered, never arrived: {lost[:3]}"
        unasked = [key for of, key in records.far if of == kind and key not in queued]
        if unasked:
            yield f"{kind}: arrived, but is in no outbox: {unasked[:3]}"
    sent = _column(file, "SELECT key FROM crash__sent")
    if sorted(sent) != sorted(key for of, key, _ in rows if of == "crash:mail"):
        yield "a message without the row that was written with it, or the row without the message"


def _calls(file: sqlite3.Connection, records: Records, answered: dict[str, set[str]]) -> Iterator[str]:
    done = _column(file, "SELECT key FROM core__action_keys WHERE state = 'done'")
    for kind in ("set", "trip", "transfer"):
        yield from _missing(kind, answered.get(kind, set()), done)
    for kind in ("set", "trip"):
        lost = [key for key in answered.get(kind, set()) if not records.far[kind, key]]
        if lost:
            yield f"{kind}: answered, never done: {lost[:3]}"
    repeated = [key for (kind, key), times in records.far.items() if kind == "trip begun" and times > 1]
    if repeated:
        yield f"unsafe calls made more than once: {repeated[:3]}"


def _missing(kind: str, answered: set[str], found: Any) -> Iterator[str]:
    lost = sorted(answered - set(found))
    if lost:
        yield f"{kind}: {len(lost)} acknowledged and lost: {lost[:3]}"


def _file(folder: Path) -> sqlite3.Connection:
    path = folder / "data" / "hub.db"
    if not path.exists() or path.stat().st_size == 0:
        return sqlite3.connect(":memory:")
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)


def _has(file: sqlite3.Connection, table: str) -> bool:
    return file.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,)).fetchone() is not None


def _column(file: sqlite3.Connection, sql: str) -> list[Any]:
    return [row[0] for row in file.execute(sql)]
