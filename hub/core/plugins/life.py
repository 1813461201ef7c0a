"""The life of one plugin: wait for what it needs, set up, run, tear down, and try again as its failures allow."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from hub.core import context as contexts
from hub.core.config import ConfigDict, ConfigErrors
from hub.core.context import Context
from hub.core.plugins.discovery import Found
from hub.core.plugins.facade import PluginHub
from hub.core.plugins.section import check_section
from hub.core.plugins.status import PluginChanged, PluginState, PluginStatus
from hub.core.storage import DatabaseAltered, DatabaseNewer
from hub.core.supervisor import CANCEL_WAIT_S, Backoff

if TYPE_CHECKING:
    from hub.core.plugins.host import PluginHost

log = logging.getLogger(__name__)
T = TypeVar("T")

SETUP_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
FAILURES_MAX = 3
FAILURES_WINDOW_S = 300.0
ERRORS_MAX = 100
ERRORS_WINDOW_S = 60.0
BLOCKED_S_MAX = 5.0
BLOCKED_WINDOW_S = 600.0
PAUSE = Backoff(first_s=1.0, cap_s=60.0)


class TimeLimitPassed(Exception):
    """A plugin did not finish in its time."""


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
        self._failures: deque[float] = deque()
        self._errors: deque[float] = deque(maxlen=ERRORS_MAX)
        self._blocks: deque[tuple[float, float]] = deque()
        self._attempt = 0
        self._hub: PluginHub | None = None
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
        cause = Context(self._kernel.ids.new(), f"plugin:{self.found.name}")
        with contexts.use(cause):
            while not self._must_go():
                if await self._needs_missing():
                    continue
                if self._must_go():
                    return
                self._leave.clear()
                self._again.clear()
                self._leave_reason = ""
                pause_s = await self._one_start()
                if self._must_go():
                    return
                await self._rest(pause_s)

    def _must_go(self) -> bool:
        return self._stopping

    async def stop(self) -> None:
        """Leave for good."""
        self._stopping = True
        self.leave("the hub stops")
        self._again.set()
        self._host.nudge()
        await self.is_down.wait()
        if self.status.state not in {PluginState.QUARANTINED, PluginState.FAILED}:
            self._become(PluginState.STOPPED, "")

    def leave(self, reason: str) -> None:
        """Tear down soon, for a reason from outside."""
        self._leave_reason = self._leave_reason or reason
        self._leave.set()

    def start_again(self) -> None:
        """A person wants it started again, whatever happened before."""
        self._failures.clear()
        self._errors.clear()
        self._attempt = 0
        self._condemned = ""
        self._blocks.clear()
        self.status.blocked_s = 0.0
        self.leave("restarted by a person")
        self._again.set()

    def note_error(self, text: str) -> None:
        """Count an error of one of its listeners or tasks; too many a minute end it."""
        self.status.errors += 1
        self.status.last_error = text
        now = self._kernel.clock.monotonic()
        self._errors.append(now)
        if len(self._errors) == ERRORS_MAX and now - self._errors[0] < ERRORS_WINDOW_S:
            self.condemn(f"{ERRORS_MAX} errors within {ERRORS_WINDOW_S:g} s, the last: {text}")

    def note_block(self, where: str, seconds: float) -> None:
        """Count time for which it blocked the loop; too much of it ends it."""
        now = self._kernel.clock.monotonic()
        self._blocks.append((now, seconds))
        while now - self._blocks[0][0] > BLOCKED_WINDOW_S:
            self._blocks.popleft()
        self.status.blocked_s = sum(blocked_s for _, blocked_s in self._blocks)
        self.status.last_error = f"blocked the event loop for {seconds:.2f} s in {where}"
        if self.status.blocked_s > BLOCKED_S_MAX:
            blocked = f"blocked the event loop for {self.status.blocked_s:.1f} s within {BLOCKED_WINDOW_S:g} s"
            self.condemn(f"{blocked}, the last time in {where}")

    def condemn(self, reason: str) -> None:
        """Quarantine the plugin, unless it is critical: then it is only told of."""
        if self.manifest.critical:
            log.error("critical plugin %s: %s; it stays, look into it now", self.found.name, reason)
            self.status.reason = reason
            return
        self._condemned = self._condemned or reason
        self.leave(reason)

    async def _needs_missing(self) -> bool:
        """Wait while a needed service is not there; True when something changed: then look again."""
        missing, coming = self._host.missing(self.manifest)
        if not missing:
            return False
        names = ", ".join(missing)
        if coming:
            self._become(PluginState.STARTING, f"waits for {names}")
        else:
            self._become(
                PluginState.BLOCKED, f"needs {names}, which nothing provides now; enable a plugin that does"
            )
            self.settled.set()
        await self._host.changed()
        return True

    async def _one_start(self) -> float | None:
        """Set up, run and tear down once; the pause before the next try, None to wait for a person."""
        self.is_down.clear()
        self._become(PluginState.STARTING, "")
        plugin = self.found.plugin()
        try:
            try:
                await self._set_up(plugin)
                self._become(PluginState.RUNNING, "")
                self.settled.set()
                await self._run(plugin)
            finally:
                self._become(PluginState.STOPPING, self._leave_reason)
                await self._host.take_down_dependants(self)
                await self._tear_down(plugin)
                self.is_down.set()
        except Exception as error:  # noqa: BLE001 - the host is where a plugin's errors end
            return self._failed(error)
        if self._condemned:
            self._quarantine(self._condemned)
            return None
        if not self._stopping:
            self._become(PluginState.STOPPED, self._leave_reason)
        return 0.0

    async def _set_up(self, plugin: Any) -> None:
        section = check_section(self.manifest, self.section)
        await self._kernel.db.migrate(self.found.name, self.manifest.migrations, self._host.backup_path())
        self._hub = PluginHub(self.found.name, section, self._kernel, self._host.site, self._host.owners)
        await self._limited("setup", plugin.setup(self._hub), SETUP_LIMIT_S)
        unkept = [key.name for key in self.manifest.provides if self._kernel.services.find(key) is None]
        if unkept:
            raise RuntimeError(f"its manifest provides {', '.join(unkept)}, but setup did not")

    async def _run(self, plugin: Any) -> None:
        running = self._kernel.supervisor.watch(self.found.name, "run", plugin.run())
        leaving = asyncio.ensure_future(self._leave.wait())
        try:
            await asyncio.wait({running, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if running.done() and running.exception() is None and not leaving.done():
                await leaving
        finally:
            leaving.cancel()
        if running.done() and not running.cancelled() and running.exception() is not None:
            raise running.exception()  # type: ignore[misc]

    async def _tear_down(self, plugin: Any) -> None:
        name = self.found.name
        try:
            await self._limited("stop", plugin.stop(), STOP_LIMIT_S)
        except Exception as error:
            log.error("plugin %s: stop failed: %s: %s", name, type(error).__name__, error, exc_info=error)
        stuck = await self._kernel.supervisor.end(name)
        if stuck:
            self.note_error(f"left behind: {', '.join(stuck)}")
        if self._hub is not None:
            self._hub.own.undo_all()
            self._hub.states.release()
            self._hub = None

    async def _limited(self, what: str, work: Coroutine[Any, Any, T], limit_s: float) -> T:
        """Run a step with a time limit that holds even when the step ignores being cancelled."""
        task = self._kernel.supervisor.watch(self.found.name, what, work)
        await asyncio.wait({task}, timeout=limit_s)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_WAIT_S)
            raise TimeLimitPassed(
                f"{what} did not finish within {limit_s:g} s; it may wait for something that hangs"
            )
        return task.result()

    def _failed(self, error: BaseException) -> float | None:
        name = self.found.name
        text = (
            str(error) if isinstance(error, (TimeLimitPassed, ConfigErrors)) else f"{type(error).__name__}: {error}"
        )
        self.status.failures += 1
        self.status.last_error = text
        for_good = isinstance(error, (ConfigErrors, DatabaseNewer, DatabaseAltered))
        log.error("plugin %s failed: %s", name, text, exc_info=None if for_good else error)
        self._attempt += 1
        now = self._kernel.clock.monotonic()
        self._failures.append(now)
        while self._failures and now - self._failures[0] > FAILURES_WINDOW_S:
            self._failures.popleft()
        if for_good:
            self._become(PluginState.FAILED, f"{text}; correct it and restart the plugin")
            self.settled.set()
            return None
        if self._condemned or (len(self._failures) >= FAILURES_MAX and not self.manifest.critical):
            self._quarantine(self._condemned or f"failed {len(self._failures)} times, the last: {text}")
            return None
        pause_s = PAUSE.pause_s(self._attempt, self._kernel.ids)
        self.status.next_try_us = self._kernel.clock.now_us() + int(pause_s * 1e6)
        self._become(PluginState.FAILED, text)
        self.settled.set()
        return pause_s

    def _quarantine(self, reason: str) -> None:
        self._become(
            PluginState.QUARANTINED,
            f"{reason}; the rest of the hub goes on without it. "
            f"When it is mended: hub action call plugin.restart name={self.found.name}",
        )
        self.settled.set()

    async def _rest(self, pause_s: float | None) -> None:
        """Wait before the next start; None: until a person asks for one."""
        if pause_s == 0.0:
            return
        if pause_s is None:
            await self._again.wait()
            return
        try:
            async with asyncio.timeout(pause_s):
                await self._again.wait()
        except TimeoutError:
            pass
        self.status.next_try_us = None

    def _become(self, state: PluginState, reason: str) -> None:
        if (state, reason) == (self.status.state, self.status.reason):
            return
        self.status.state, self.status.reason = state, reason
        if state in {PluginState.FAILED, PluginState.QUARANTINED, PluginState.BLOCKED}:
            log.error("plugin %s is %s: %s", self.found.name, state.value, reason)
        if self.manifest.critical and not self._stopping:
            self._host.hold_for(self.found.name, state, reason)
        self._kernel.bus.publish(PluginChanged(name=self.found.name, state=state, reason=reason))
        self._host.nudge()
