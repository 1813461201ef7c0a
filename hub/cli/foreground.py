"""The life of a hub as a process: signals, the service manager, and an end that is in order or at once."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import signal
from types import FrameType

import click

import hub as package
from hub.cli import exits
from hub.cli.program import program
from hub.cli.starts import Starts
from hub.core.errors import HubError
from hub.core.hub import Hub
from hub.core.plugins import PluginState
from hub.core.service_manager import ServiceManager

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Foreground:
    """Runs one hub until somebody asks it to stop."""

    def __init__(self, hub: Hub, manager: ServiceManager, starts: Starts) -> None:
        """Take a hub that is not started yet."""
        self._hub = hub
        self._manager = manager
        self._starts = starts
        self._signal: signal.Signals | None = None

    async def run(self) -> None:
        """Start, run and stop; raises what the start raises."""
        loop = asyncio.get_running_loop()

        def caught(number: int, frame: FrameType | None) -> None:
            # Not the loop's own signal handling: the second signal must work while the loop is stuck.
            if self._signal is not None:
                _leave_at_once(number)
            self._signal = signal.Signals(number)
            loop.call_soon_threadsafe(self._hub.ask_to_stop, f"{self._signal.name} received")

        before = {number: signal.signal(number, caught) for number in SIGNALS}
        try:
            if await self._start():
                await self._serve()
        finally:
            self._manager.stopping()
            await self._hub.stop()
            for number, handler in before.items():
                signal.signal(number, handler)
        click.echo("The hub has stopped.", err=True)

    async def _start(self) -> bool:
        """Start the hub; False when somebody asked it to stop meanwhile."""
        starting = asyncio.ensure_future(self._hub.start())
        asked = asyncio.ensure_future(self._hub.stop_asked())
        try:
            await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})
                if self._signal is signal.SIGINT:
                    self._starts.does_not_count()
                return False
            starting.result()
        except HubError as error:
            self._starts.ended_by(error)
            raise
        finally:
            asked.cancel()
        self._starts.came_to_run()
        return True

    async def _serve(self) -> None:
        hub = self._hub
        self._manager.ready(f"{hub.site.name}: {_plugins_in_words(hub)}")
        for line in _where_to_look(hub):
            click.echo(line, err=True)
        beating = asyncio.ensure_future(self._beat())
        try:
            await hub.stop_asked()
        finally:
            beating.cancel()

    async def _beat(self) -> None:
        """Tell the service manager that the loop turns, three times as often as it wants to hear it."""
        if self._manager.watchdog_s is not None:
            while True:
                self._manager.alive()
                await self._hub.kernel.clock.sleep(self._manager.watchdog_s / 3)


def _leave_at_once(number: int) -> None:
    text = f"\n{signal.Signals(number).name} again: leaving at once, nothing more is written in order.\n"
    os.write(2, text.encode())
    os._exit(exits.BY_SIGNAL + number)


def _plugins_in_words(hub: Hub) -> str:
    statuses = hub.plugins.statuses()
    running = sum(status.state is PluginState.RUNNING for status in statuses)
    return f"{running} of {len(statuses)} plugins running"


def _where_to_look(hub: Hub) -> list[str]:
    mode = ", in safe mode" if hub.is_safe_mode else ""
    site = f"--folder {shlex.quote(str(hub.site.folder))}"
    return [
        f"Hub {package.__version__} runs site {hub.site.name!r}{mode}: {_plugins_in_words(hub)}.",
        f"  Look:  {program()} plugin list {site}",
        f"         {program()} entity watch {site}",
        f"  Stop:  Ctrl-C, or: kill {os.getpid()}",
    ]
