"""The life of one plugin: wait for what it needs, set up, run, tear down, and try again as its failures allow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from hub.core import context as contexts
from hub.core.config import ConfigDict, ConfigErrors
from hub.core.context import Context
from hub.core.plugins.discovery import Found
from hub.core.plugins.facade import PluginHub
from hub.core.plugins.faults import PluginBroke, TimeLimitPassed, contained, in_words, is_of_the_store
from hub.core.plugins.manifest import Plugin
from hub.core.plugins.record import Record
from hub.core.plugins.section import check_section
from hub.core.plugins.status import PluginChanged, PluginState, PluginStatus
from hub.core.storage import DatabaseAltered, DatabaseNewer, StorageClosed
from hub.core.supervisor import CANCEL_WAIT_S, Backoff

if TYPE_CHECKING:
    from hub.core.plugins.host import PluginHost

log = logging.getLogger(__name__)

SETUP_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
PAUSE = Backoff(first_s=1.0, cap_s=60.0)
ENDED_BADLY = {PluginState.QUARANTINED, PluginState.FAILED}
FOR_A_PERSON = (ConfigErrors, DatabaseNewer, DatabaseAltered)
"""What trying again cannot mend."""


class Life:
    """Governs one plugin for as long as the hub runs."""

    def __init__(self, host: PluginHost, found: Found, section: ConfigDict) -> None:
        """Prepare; `live` is the work."""
        self._host = host
        self._kernel = host.kernel
        self.found = found
        self.manifest = found.plugin.manifest
        self.status = PluginStatus(found.name, self.manifest.version, found.source, self.manifest.critical)
        self.section = section
        self._record = Record()
        self._attempt = 0
        self._hub: PluginHub | None = None
        self._running: asyncio.Task[None] | None = None
        self._runs_since_s: float | None = None
        self._leave = asyncio.Event()
        self._leave_reason = ""
        self._again = asyncio.Event()
        self._condemned = ""
        self.settled = asyncio.Event()
        """Set once the first start has come to an end, good or bad."""
        self.is_down = asyncio.Event()
        self.is_down.set()
        self._stopping = False

    async def live(self) -> None:
        """Start the plugin, and again whenever that makes sense, until the hub stops."""
        with contexts.use(Context(self._kernel.ids.new(), f"plugin:{self.found.name}")):
            try:
                while not self._stopping:
                    if not await self._needs_missing():
                        await self._one_round()
            finally:
                self.settled.set()

    async def stop(self, reason: str) -> None:
        """Leave for good."""
        self._stopping = True
        self.leave(reason)
        self._again.set()
        self._host.nudge()
        await self.is_down.wait()
        if self.status.state not in ENDED_BADLY:
            self._become(PluginState.STOPPED, "")

    def give_up(self, reason: str) -> None:
        """Note that nobody governs the plugin any more."""
        self._become(PluginState.FAILED, reason)
        self.settled.set()
        self.is_down.set()

    def leave(self, reason: str) -> None:
        """Tear down soon, for a reason from outside."""
        self._leave_reason = self._leave_reason or reason
        self._leave.set()

    def start_again(self) -> None:
        """A person wants it started again, whatever happened before."""
        self._record.clear()
        self._attempt = 0
        self._condemned = ""
        self.status.blocked_s = 0.0
        self.leave("restarted by a person")
        self._again.set()

    def note_error(self, text: str) -> None:
        """Count an error of one of its listeners or tasks; too many a minute end it."""
        self.status.errors += 1
        self.status.last_error = text
        self.condemn(self._record.erred(self._kernel.clock.monotonic(), text))

    def note_block(self, where: str, seconds: float) -> None:
        """Count time for which it blocked the loop; too much of it ends it."""
        too_much = self._record.blocked(self._kernel.clock.monotonic(), where, seconds)
        self.status.blocked_s = self._record.blocked_s
        self.status.last_error = f"blocked the event loop for {seconds:.2f} s in {where}"
        self.condemn(too_much)

    def condemn(self, reason: str) -> None:
        """Quarantine the plugin for a reason, unless it is critical: then it is only told of."""
        if not reason:
            return
        if self.manifest.critical:
            log.error("critical plugin %s: %s; it stays, look into it now", self.found.name, reason)
            self._become(self.status.state, reason)
            return
        self._condemned = self._condemned or reason
        self.leave(reason)

    async def _needs_missing(self) -> bool:
        """Wait while a needed service is not there; True when something changed: then look again."""
        missing, is_coming = self._host.missing(self.manifest)
        if not missing:
            return False
        if is_coming:
            self._become(PluginState.STARTING, f"waits for {'; '.join(missing)}")
        else:
            self._become(PluginState.BLOCKED, f"needs {'; '.join(missing)}")
            self.settled.set()
        await self._host.changed()
        return True

    async def _one_round(self) -> None:
        """One start and the pause after it. Nothing is awaited before the start, so no wish gets lost."""
        self._leave.clear()
        self._again.clear()
        self._leave_reason = ""
        pause_s: float | None = None
        if self._condemned:  # by what an earlier start left behind
            self._quarantine(self._condemned)
        else:
            pause_s = await self._one_start()
        if pause_s != 0.0 and not self._stopping:
            await self._rest(pause_s)

    async def _one_start(self) -> float | None:
        """Set up, run and tear down once; the pause before the next try, None to wait for a person."""
        self.is_down.clear()
        self._become(PluginState.STARTING, "")
        plugin: Plugin | None = None
        error: Exception | None = None
        too_much = ""
        try:
            try:
                plugin = self.found.plugin()
                if await self._set_up(plugin):
                    await self._run(plugin)
            except Exception as fault:  # noqa: BLE001 - the host is where a plugin's errors end
                error = fault
                too_much = self._note_failure(fault)
            self._become(PluginState.STOPPING, self._leave_reason or ("" if error is None else in_words(error)))
            await self._host.take_down_dependants(self)
            await self._tear_down(plugin)
        finally:
            self._drop()
            self.is_down.set()
        return self._conclude(error, self._condemned or too_much)

    async def _set_up(self, plugin: Plugin) -> bool:
        """Bring it to run; False when it was told to leave meanwhile."""
        section = check_section(self.manifest, self.section)
        await self._kernel.db.migrate(self.found.name, self.manifest.migrations, self._host.backup_path())
        await self._migrate_history()
        self._hub = PluginHub(self.found.name, section, self._kernel, self._host.site, self._host.owners)
        if not await self._step("setup", plugin.setup(self._hub), SETUP_LIMIT_S, may_be_cut=True):
            return False
        unkept = [key.name for key in self.manifest.provides if self._kernel.services.find(key) is None]
        if unkept:
            raise PluginBroke(f"its manifest provides {', '.join(unkept)}, but setup did not")
        self._hub.holds.lift_left()
        self._runs_since_s = self._kernel.clock.monotonic()
        self._become(PluginState.RUNNING, "")
        self.settled.set()
        return True

    async def _migrate_history(self) -> None:
        if not self.manifest.history_migrations:
            return
        history, backup = self._kernel.history, self._host.backup_path()
        backup = backup.with_name(f"history-{backup.name}")
        try:
            await history.migrate(self.found.name, self.manifest.history_migrations, backup)
        except StorageClosed as error:
            raise StorageClosed(
                f"plugin {self.found.name!r} keeps records in {history.path}, which is not open; the log of the "
                "start says why: mend or move that file away, then restart the hub"
            ) from error

    async def _run(self, plugin: Plugin) -> None:
        """Run until it fails or is told to leave; its task is then left to the tear-down."""
        running = self._running = self._task("run", plugin.run())
        leaving = self._leaving()
        try:
            await asyncio.wait({running, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                self._running = None
                running.result()
                await leaving
        except asyncio.CancelledError:
            if not running.cancelled():
                raise
            raise PluginBroke("run cancelled itself") from None
        finally:
            leaving.cancel()

    async def _tear_down(self, plugin: Plugin | None) -> None:
        name = self.found.name
        if self._running is not None:
            await self._cut("run", self._running)
        if plugin is not None:
            try:
                await self._step("stop", plugin.stop(), STOP_LIMIT_S)
            except Exception as error:
                log.error("plugin %s: stop failed: %s", name, in_words(error), exc_info=error)
                self.note_error(f"stop failed: {in_words(error)}")
        stuck = await self._kernel.supervisor.end(name)
        if stuck:
            self.note_error(f"left behind: {', '.join(stuck)}, which ignore being cancelled")

    def _drop(self) -> None:
        """Take back all that it registered, at once and whatever happened before."""
        self._kernel.supervisor.cancel(self.found.name)
        self._running = None
        if self._hub is not None:
            self._hub.own.undo_all()
            self._hub.states.release()
            self._hub = None

    def _task(self, what: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._kernel.supervisor.watch(self.found.name, what, contained(work, what))
        task.add_done_callback(lambda _: work.close())  # a task cancelled before its first step never awaits it
        return task

    def _leaving(self) -> asyncio.Task[bool]:
        name = f"core/leave {self.found.name}"
        return asyncio.get_running_loop().create_task(self._leave.wait(), name=name)

    async def _step(
        self, what: str, work: Coroutine[Any, Any, None], limit_s: float, *, may_be_cut: bool = False
    ) -> bool:
        """Await a step within its time, even when it ignores being cancelled; False when it was cut short."""
        task = self._task(what, work)
        leaving = self._leaving() if may_be_cut else None
        try:
            waiting = {task} if leaving is None else {task, leaving}
            await asyncio.wait(waiting, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if leaving is not None:
                leaving.cancel()
        if task.cancelled():
            raise PluginBroke(f"{what} cancelled itself")
        if task.done():
            task.result()
            return True
        await self._cut(what, task)
        if may_be_cut and self._leave.is_set():
            return False
        raise TimeLimitPassed(f"{what} did not finish within {limit_s:g} s; it may wait for something that hangs")

    async def _cut(self, what: str, task: asyncio.Task[None]) -> None:
        """Cancel a step and wait a while for its end; what it raises then is an error, but no failure."""
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_WAIT_S)
        if not task.done():
            task.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody awaits it any more
        elif not task.cancelled():
            error = task.exception()
            if error is not None:
                log.error("plugin %s: %s failed on being cancelled: %s", self.found.name, what, in_words(error))
                self.note_error(f"{what} failed on being cancelled: {in_words(error)}")

    def _conclude(self, error: Exception | None, too_much: str) -> float | None:
        """What follows from how a start ended: the pause before the next one, None to wait for a person."""
        if error is None and not too_much:
            if not self._stopping:
                self._become(PluginState.STOPPED, self._leave_reason)
            return 0.0
        if isinstance(error, FOR_A_PERSON):
            self._become(PluginState.FAILED, f"{in_words(error)}\ncorrect it, then: {self._restart_words}")
            self.settled.set()
            return None
        if too_much and not self.manifest.critical:
            self._quarantine(too_much, error)
            return None
        assert error is not None
        pause_s = PAUSE.pause_s(self._attempt, self._kernel.ids)
        self.status.next_try_us = self._kernel.clock.now_us() + int(pause_s * 1e6)
        self._become(PluginState.FAILED, in_words(error), error)
        self.settled.set()
        return pause_s

    def _note_failure(self, error: Exception) -> str:
        """Count a failure; what is too much of them, if it is. A failing store is no plugin's fault."""
        self.status.failures += 1
        self.status.last_error = in_words(error)
        now_s = self._kernel.clock.monotonic()
        if self._runs_since_s is not None and now_s - self._runs_since_s > PAUSE.cap_s:
            self._attempt = 0
        self._runs_since_s = None
        self._attempt += 1
        return "" if is_of_the_store(error) else self._record.failed(now_s, self.status.last_error)

    @property
    def _restart_words(self) -> str:
        return f"hub action call plugin.restart name={self.found.name}"

    def _quarantine(self, reason: str, error: Exception | None = None) -> None:
        words = f"the rest of the hub goes on without it. When it is mended: {self._restart_words}"
        self._become(PluginState.QUARANTINED, f"{reason}; {words}", error)
        self.settled.set()

    async def _rest(self, pause_s: float | None) -> None:
        """Wait before the next start; None: until a person asks for one."""
        try:
            async with asyncio.timeout(pause_s):
                await self._again.wait()
        except TimeoutError:
            pass
        self.status.next_try_us = None

    def _become(self, state: PluginState, reason: str, error: Exception | None = None) -> None:
        if (state, reason) == (self.status.state, self.status.reason):
            return
        self.status.state, self.status.reason = state, reason
        if state in {*ENDED_BADLY, PluginState.BLOCKED}:
            log.error("plugin %s is %s: %s", self.found.name, state.value, reason, exc_info=error)
        if self.manifest.critical and not self._stopping:
            self._host.hold_for(self.found.name, state, reason)
        self._kernel.bus.publish(PluginChanged(name=self.found.name, state=state, reason=reason))
        self._host.nudge()
