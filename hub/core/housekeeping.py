"""The core's own upkeep: guards over clock, disk, memory and loop, a probe of a failing store, old rows purged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from hub.core.bus import Event
from hub.core.context import Context
from hub.core.guards import (
    Ballast,
    ClockGuard,
    ClockStepped,
    Confirmation,
    DiskWatch,
    LoopBlocked,
    MemoryGrew,
    MemoryWatch,
    Watchdog,
    who_runs,
)
from hub.core.holds import STORAGE_FAILING
from hub.core.kernel import Kernel
from hub.core.plugins import PluginHost
from hub.core.site import Site
from hub.core.storage import Reader, StorageError, StorageFull, Tx

log = logging.getLogger(__name__)

PROBE_S = 5.0
FIRST_PURGE_S = 600.0
PURGE_S = 3600.0
"""Often, because what has passed since the last one is forgotten when the hub stops."""
HORIZON_STEP_MAX_US = 86_400 * 1_000_000
"""The purge horizon moves no further in one run."""
WINDOWS_TO_CONDEMN = 3
"""One window of growth may be a cache filling up; so many in a row are a leak."""
CHANGES_KEPT_US = 400 * 86_400 * 1_000_000
PURGE_ROWS_MAX = 1_000
PURGE_PAUSE_S = 1.0
_PURGE_HORIZON = "purge_horizon"
_CONFIRMED_AT, _CONFIRMED_OVER = "clock_confirmed_at", "clock_confirmed_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskLow(Event):
    """The data folder's disk runs out of room: an alarm for people."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFailing(Event):
    """History cannot be written (`detail` says why), or can again (None)."""

    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskRecovered(Event):
    """The data folder's disk has room again."""

    detail: str


class Housekeeping:
    """Runs beside the plugins and for as long as the hub."""

    def __init__(self, kernel: Kernel, plugins: PluginHost, site: Site) -> None:
        """Watch over a hub's parts."""
        self._kernel = kernel
        self._plugins = plugins
        self._site = site
        self._watchdog: Watchdog | None = None
        self._store_failed = asyncio.Event()
        self.read_rss_bytes: Callable[[], int] | None = None
        """How the process's memory is read, when not from the system: for rehearsals. Set it before `start`."""
        self.clock_guard: ClockGuard | None = None
        self.disk = DiskWatch(
            site.data,
            kernel.clock,
            on_low=lambda space: kernel.bus.publish(DiskLow(detail=str(space))),
            on_ok=lambda space: kernel.bus.publish(DiskRecovered(detail=str(space))),
            ballast=Ballast(site.data / "ballast", site.ballast_mb) if self._keeps_ballast else None,
        )

    @property
    def _keeps_ballast(self) -> bool:
        return self._site.ballast_mb > 0 and not self._kernel.clock.is_virtual

    async def start(self) -> None:
        """Begin to watch; the databases are open."""
        kernel = self._kernel
        kernel.db.on_fault = self._store_changed
        kernel.history.on_fault = self._history_changed
        newest_us, confirmed = await kernel.db.read(_clock_records)
        self.clock_guard = ClockGuard(kernel.clock, kernel.holds, kernel.bus, newest_us, confirmed=confirmed)
        self.clock_guard.check()
        kernel.holds.look_again = self.clock_guard.check
        kernel.db.on_committed = self.clock_guard.note_record
        kernel.bus.subscribe(ClockStepped, lambda _: self._rearm(), owner="core")
        keep = kernel.supervisor.keep
        keep("core", "clock guard", self.clock_guard.run)
        keep("core", "disk watch", self.disk.run)
        keep("core", "storage probe", self._probe)
        keep("core", "purge", self._purge)
        memory = MemoryWatch(
            kernel.clock,
            self._site.memory_mb,
            self._plugins.owner_of_file,
            self._memory_grew,
            read_rss_bytes=self.read_rss_bytes,
        )
        keep("core", "memory watch", memory.run)
        self._watchdog = Watchdog(
            asyncio.get_running_loop(),
            kernel.clock,
            self._blocked,
            who_runs(kernel.bus, self._plugins.owner_of_file),
        )
        self._watchdog.start()

    async def stop(self) -> None:
        """End the watch."""
        if self._watchdog is not None:
            self._watchdog.stop()

    async def confirm_clock(self, context: Context) -> None:
        """Take a person's word that the clock is right, and remember it over restarts."""
        assert self.clock_guard is not None
        confirmation = self.clock_guard.confirm(context)

        def write(tx: Tx) -> None:
            for name, value in (
                (_CONFIRMED_AT, confirmation.at_us),
                (_CONFIRMED_OVER, confirmation.overruled_us),
            ):
                _note(tx, name, str(value))

        await self._kernel.db.write(write)

    def _rearm(self) -> None:
        self._kernel.stale.notice_clock()
        self._kernel.timers.rearm()
        self._kernel.outbox.rearm()

    def _store_changed(self, fault: StorageError | None) -> None:
        if fault is None:
            self._store_failed.clear()
            self._kernel.holds.lift(STORAGE_FAILING)
            return
        self._store_failed.set()
        self._kernel.holds.place(STORAGE_FAILING, str(fault))

    def _history_changed(self, fault: StorageError | None) -> None:
        """Everything else goes on without history; people are told."""
        self._kernel.bus.publish(HistoryFailing(detail=None if fault is None else str(fault)))

    async def _probe(self) -> None:
        """While writes fail, try one now and then, so that the hub recovers without being asked for anything."""
        while True:
            await self._store_failed.wait()
            if isinstance(self._kernel.db.fault, StorageFull):
                await self.disk.relieve()
            await self._kernel.clock.sleep(PROBE_S)
            try:
                await self._kernel.db.write(
                    lambda tx: _note(tx, "probe", str(self._kernel.clock.now_us())), origin="core:probe"
                )
            except StorageError as error:
                log.debug("the store still fails: %s", error)

    async def _purge(self) -> None:
        """Forget old rows now and then, a few at a time so that nobody waits behind it."""
        clock = self._kernel.clock
        since_s, pause_s = clock.monotonic(), FIRST_PURGE_S
        while True:
            await clock.sleep(pause_s)
            pause_s = PURGE_S
            if self._kernel.holds.ask():
                continue
            now_s = clock.monotonic()
            horizon_us = await self._move_horizon(clock.now_us(), int((now_s - since_s) * 1e6))
            since_s = now_s
            for purge in (self._kernel.outbox.purge, self._kernel.actions.purge, self._purge_changes):
                while not self._kernel.holds.ask() and await purge(horizon_us):
                    await clock.sleep(PURGE_PAUSE_S)

    async def _move_horizon(self, now_us: int, passed_us: int) -> int:
        """The time by which ages are judged: the wall clock's, but no faster than time has really passed.

        While the hub is off it stands still, so rows are kept for longer than they need be, and never for less.
        """

        def move(tx: Tx) -> int:
            was = tx.value("SELECT value FROM core__meta WHERE name = ?", (_PURGE_HORIZON,))
            horizon_us = now_us
            if was is not None:
                horizon_us = min(now_us, int(was) + min(passed_us, HORIZON_STEP_MAX_US))
            _note(tx, _PURGE_HORIZON, str(horizon_us))
            return horizon_us

        return await self._kernel.db.write(move, origin="core:purge")

    async def _purge_changes(self, now_us: int) -> int:
        before_us = now_us - CHANGES_KEPT_US

        def purge(tx: Tx) -> int:
            last = None
            for seq, at_us in tx.all(
                "SELECT change_seq, at_us FROM core__changes ORDER BY change_seq LIMIT ?", (PURGE_ROWS_MAX,)
            ):
                if at_us < before_us:
                    last = seq
                elif at_us <= now_us:  # one from a clock that ran ahead is as old as those around it
                    break
            return 0 if last is None else tx.execute("DELETE FROM core__changes WHERE change_seq <= ?", (last,))

        return await self._kernel.db.write(purge, origin="core:purge")

    def _blocked(self, block: LoopBlocked) -> None:
        if block.lasted_s is not None and block.owner is not None:
            self._plugins.note_block(block.owner, f"{block.function} ({block.file}:{block.line})", block.lasted_s)

    def _memory_grew(self, growth: MemoryGrew) -> None:
        if growth.owner is not None and growth.in_a_row >= WINDOWS_TO_CONDEMN:
            self._plugins.condemn(growth.owner, str(growth))


def _note(tx: Tx, name: str, value: str) -> None:
    tx.execute(
        "INSERT INTO core__meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def _clock_records(reader: Reader) -> tuple[int | None, Confirmation | None]:
    newest = reader.value("SELECT at_us FROM core__changes ORDER BY change_seq DESC LIMIT 1")
    notes = {
        str(row[0]): str(row[1])
        for row in reader.all("SELECT name, value FROM core__meta WHERE name LIKE 'clock_confirmed_%'")
    }
    confirmed = None
    if _CONFIRMED_AT in notes:
        over = notes.get(_CONFIRMED_OVER, "None")
        confirmed = Confirmation(int(notes[_CONFIRMED_AT]), None if over == "None" else int(over))
    return (None if newest is None else int(newest)), confirmed
