"""A hub with the whole rule engine in it, driven line by line: what its runs called, under which keys, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from hub.automation.language import Loaded, load_site_rules
from hub.automation.runtime.engine import Engine
from hub.automation.runtime.own_actions import OwnActions
from hub.automation.runtime.runs.calling import Asked, Caller
from hub.automation.runtime.runs.schema import SQL
from hub.automation.runtime.store import TRIGGER_TABLES
from hub.automation.runtime.strategies import OURS, Strategies
from hub.automation.runtime.world import RuleWorld
from hub.contracts.custom_events import CustomEvent
from hub.core.actions import Call, Effect
from hub.core.config import ConfigErrors
from hub.core.plugins import Manifest, Plugin, PluginHub, PluginState
from hub.core.states import Value
from hub.core.storage import Migration, Tx
from hub.testing.harness import HubHarness


class Made(NamedTuple):
    """One call as its handler saw it."""

    at_s: float
    action: str
    data: dict[str, Any]
    key: str | None
    actor: str


class Stage:
    """A hub, an engine on its folder, and actions `test.*` that note their calls."""

    def __init__(self, hub: HubHarness, strategies: Strategies = OURS, caller: Caller | None = None) -> None:
        """Use a hub; `start` brings rules."""
        self.hub = hub
        self.strategies = strategies
        self.caller = caller
        self.time_zone: tzinfo | None = None
        self.engine: Engine
        self.asked: list[Asked] = []
        self.made: list[Made] = []
        self.responses: dict[str, object] = {}
        self.errors: dict[str, list[Exception]] = {}
        """What an action raises the next times, one after the other."""
        self.hangs: dict[str, asyncio.Event] = {}
        """Actions whose handlers wait for an event."""
        self.dies_hard = False
        """The next stop is a crash: nothing is written that was not on its way already."""
        self.on_call: Callable[[Asked], object] = self.asked.append
        self.load: Callable[[], Loaded] = lambda: load_site_rules(self.folder)
        self._began_us = hub.clock.now_us()

    @property
    def folder(self) -> Path:
        """The site's folder."""
        return self.hub.hub.site.folder

    def offer(self, *names: str, effect: Effect = Effect.TX) -> None:
        """Offer actions, over restarts too."""
        for name in names:
            self.hub._attach(partial(self._register, name, effect))

    async def start(self, rules: str, scripts: str = "") -> None:
        """Bring rules and start the engine."""
        self.write(rules, scripts)
        status = await self.hub.load_plugin(_plugin_of(self))
        assert status.state is PluginState.RUNNING, status.reason
        await self.settle()

    def write(self, rules: str, scripts: str = "") -> None:
        """Write the files of rules and scripts."""
        for name, text in (("automations.yaml", rules), ("scripts.yaml", scripts)):
            (self.folder / name).write_text(text)

    async def restart(self, down: str | float = 0, *, is_crash: bool = False) -> None:
        """Stop the hub, in order or not, and start it again after a while."""
        self.dies_hard = is_crash

        async def wait() -> None:
            self.dies_hard = False
            await self.hub.advance(down)

        await self.hub.restart(wait)
        await self.settle()

    async def fire(self, event: str = "go", **data: object) -> None:
        """Put an event on the bus, and let everything happen that needs no time."""
        self.hub.fire(CustomEvent(event_type=event, data=data))
        await self.settle()

    async def set(self, entity_id: str, value: Value, **fields: object) -> None:
        """Write a state, and let everything happen that needs no time."""
        self.hub.set_state(entity_id, value, **fields)
        await self.settle()

    async def advance(self, span: str | float) -> None:
        """Let time pass."""
        await self.hub.advance(span)

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        await self.hub.advance(0)

    def take(self) -> list[tuple[float, str, Mapping[str, Any]]]:
        """The calls since the last time: when, what, with what."""
        found: list[tuple[float, str, Mapping[str, Any]]] = [(one.at_s, one.action, one.data) for one in self.made]
        self.made.clear()
        return found

    def names(self) -> list[str]:
        """The actions called since the last time, without `test.`."""
        return [action.removeprefix("test.") for _, action, _ in self.take()]

    def now_s(self) -> float:
        """Seconds since the stage was set."""
        return round((self.hub.clock.now_us() - self._began_us) / 1e6, 3)

    async def last(self, rule_id: str = "a") -> dict[str, Any]:
        """The newest trace of a rule."""
        return (await self.engine.traces(rule_id))[0]

    async def rows(self, table: str = "automation__runs") -> int:
        """How many rows a table has."""
        found = await self.hub.kernel.db.read(
            lambda reader: reader.value(f"SELECT count(*) FROM {table}"), owner="automation"
        )
        assert isinstance(found, int)
        return found

    def _register(self, name: str, effect: Effect) -> None:
        if effect is Effect.TX:
            self.hub.kernel.actions.register(name, self._in_tx, owner="test", effect=effect, description="Notes.")
        else:
            self.hub.kernel.actions.register(name, self._handle, owner="test", effect=effect, description="Notes.")

    def _in_tx(self, tx: Tx, call: Call) -> object:
        errors = self.errors.get(call.action)
        if errors:
            tx.on_commit(lambda: None)
            raise errors[0]
        tx.on_commit(lambda: self._note(call))
        return self.responses.get(call.action)

    async def _handle(self, call: Call) -> object:
        errors = self.errors.get(call.action)
        self._note(call)
        if errors:
            raise errors.pop(0)
        if call.action in self.hangs:
            await self.hangs[call.action].wait()
        return self.responses.get(call.action)

    def _note(self, call: Call) -> None:
        data = dict(call.data)
        self.made.append(Made(self.now_s(), call.action, data, call.key, call.principal.actor))

    async def setup(self, hub: PluginHub) -> None:
        """What the plugin does when it is set up."""
        kernel = self.hub.kernel
        zone = self.time_zone or hub.site.time_zone
        world = RuleWorld(kernel.states, kernel.clock, zone, kernel.registry, kernel.selections)
        self.engine = Engine(
            hub, world, self.load, strategies=self.strategies, caller=self.caller, on_call=self.on_call
        )  # fmt: skip
        await self.engine.start()
        OwnActions(hub, self.engine).offer()


def _plugin_of(stage: Stage) -> type[Plugin]:
    class Automation(Plugin):
        """The engine of a stage."""

        manifest = Manifest(
            name="automation", version="1", description="Rules.", critical=True,
            migrations=(Migration(1, "triggers", TRIGGER_TABLES), Migration(2, "runs", SQL)),
        )  # fmt: skip

        async def setup(self, hub: PluginHub) -> None:
            """Start the engine."""
            await stage.setup(hub)

        async def stop(self) -> None:
            """Stop the engine, unless the hub is to die."""
            if not stage.dies_hard:
                await stage.engine.stop()

    return Automation


__all__ = ["ConfigErrors", "Made", "Stage"]
