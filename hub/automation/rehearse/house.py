"""A hub in virtual time with nothing in it but rules and states: the real core and the real engine.

Every action is there and takes anything; what rules call is told and has no effect.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.automation.language import Loaded
from hub.automation.rehearse.virtual_time import Advance
from hub.automation.runtime.engine import Engine
from hub.automation.runtime.own_actions import OwnActions
from hub.automation.runtime.runs.calling import Asked, Caller, HubCaller
from hub.automation.runtime.strategies import Strategies
from hub.automation.runtime.tables import MIGRATIONS
from hub.automation.runtime.world import RuleWorld
from hub.contracts.custom_events import CustomEvent
from hub.contracts.history import EventLine, RemovedLine, StateLine
from hub.core.clock import Clock
from hub.core.config import ConfigErrors
from hub.core.hub import Hub
from hub.core.ids import SeededIds
from hub.core.kernel import Kernel
from hub.core.plugins import Found, Manifest, Plugin, PluginHub, PluginState
from hub.core.site import Site

SEED = 1
OWN_DOMAIN = "automation."


class RehearsalFailed(Exception):
    """The rules could not be brought to run at all."""


class Answers:
    """The actions of a rehearsal: each call is told, and answered as was agreed; rules can switch each other."""

    def __init__(self) -> None:
        """Answer nothing to any call."""
        self.responses: dict[str, object] = {}
        """By action name, what it answers from now on."""
        self.own: Caller | None = None
        """Makes the calls of the engine's own actions, which have their effect in a rehearsal too."""

    def call(self, asked: Asked) -> object:
        """The agreed response."""
        if self.own is not None and asked.action.startswith(OWN_DOMAIN):
            return self.own.call(asked)
        return self.responses.get(asked.action, {}) if asked.wants_response else None


class House:
    """One hub after the other on the same folder, as restarts go."""

    def __init__(
        self,
        folder: Path,
        time_zone: ZoneInfo,
        clock: Clock,
        advance: Advance,
        load: Callable[[], Loaded],
        strategies: Strategies,
        on_call: Callable[[Asked], object],
    ) -> None:
        """Furnish a folder; `load` reads the rules at each start and reload."""
        self.clock = clock
        self.advance = advance
        self.load = load
        self.strategies = strategies
        self.on_call = on_call
        self.answers = Answers()
        self.states: dict[str, StateLine] = {}
        """What the field says, whether a hub listens or not."""
        self._ids = SeededIds(SEED)
        self._site = Site(folder, "Rehearsal", time_zone, {})
        self._hub: Hub | None = None
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine that runs now."""
        assert self._engine is not None, "the house is down"
        return self._engine

    @property
    def kernel(self) -> Kernel:
        """The core of the hub that runs now."""
        assert self._hub is not None, "the house is down"
        return self._hub.kernel

    async def start(self) -> None:
        """Start a hub with the states of the field; raises `RehearsalFailed`."""
        plugin = _plugin_of(self)
        found = [Found("field", "rehearsal", _field_of(self)), Found("automation", "rehearsal", plugin)]
        self._hub = Hub(self._site, self.clock, self._ids, found=found)
        await self._hub.start()
        status = self._hub.plugins.status("automation")
        if status.state is not PluginState.RUNNING:
            raise RehearsalFailed(f"the rules do not run: {status.reason}")
        await self.settle()

    async def stop(self) -> None:
        """Stop the hub in order; the field goes on."""
        assert self._hub is not None, "the house is down"
        await self._hub.stop()
        self._hub = self._engine = None

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        await self.advance(0)

    async def set(self, line: StateLine | RemovedLine) -> None:
        """Change what the field says, and let everything happen that follows at once."""
        self.note(line)
        if isinstance(line, RemovedLine):
            self.kernel.states.remove(line.entity_id)
        else:
            _show(self.kernel, line)
        await self.settle()

    async def fire(self, line: EventLine) -> None:
        """Put an event on the bus, and let everything happen that follows at once."""
        self.kernel.bus.publish(CustomEvent(event_type=line.event, data=line.data))
        await self.settle()

    async def reload(self) -> ConfigErrors | None:
        """Read the rules again; returns all errors when that is refused."""
        try:
            await self.engine.reload()
        except ConfigErrors as errors:
            return errors
        finally:
            await self.settle()
        return None

    def note(self, line: StateLine | RemovedLine) -> None:
        """Change what the field says while nobody listens."""
        if isinstance(line, RemovedLine):
            self.states.pop(line.entity_id, None)
        else:
            self.states[line.entity_id] = line

    async def set_up(self, hub: PluginHub) -> None:
        """What the engine's plugin does when it is set up."""
        kernel = self.kernel
        world = RuleWorld(kernel.states, kernel.clock, self._site.time_zone, kernel.registry, kernel.selections)
        self._engine = Engine(
            hub, world, self.load, strategies=self.strategies, caller=self.answers, on_call=self.on_call
        )
        self.answers.own = HubCaller(hub)
        OwnActions(hub, self._engine).offer()
        await self._engine.start()

    def show_field(self) -> None:
        """What the field's plugin does when it is set up: all states are there before the rules are."""
        states, registry = self.kernel.states, self.kernel.registry
        for old in list(states):  # as the last stop left them; Home Assistant has forgotten when they last changed
            is_over = old.entity_id not in self.states or not self.strategies.durable_timers
            if is_over and registry.get(old.entity_id) is None:
                states.remove(old.entity_id)
        for line in self.states.values():
            _show(self.kernel, line)


def _show(kernel: Kernel, line: StateLine) -> None:
    kernel.states.set(
        line.entity_id, line.value, unit=line.unit, quality=line.quality, source_us=line.source_us,
        attributes=line.attributes,
    )  # fmt: skip


def _field_of(house: House) -> type[Plugin]:
    class Field(Plugin):
        """Who writes the states."""

        manifest = Manifest(name="field", version="1", description="The states of a rehearsal.", is_default=True)

        async def setup(self, hub: PluginHub) -> None:
            """Write them."""
            house.show_field()

    return Field


def _plugin_of(house: House) -> type[Plugin]:
    class Rehearsed(Plugin):
        """The engine of a rehearsal."""

        manifest = Manifest(
            name="automation", version="1", description="Rules.", critical=True, is_default=True,
            after=("field",),
            migrations=MIGRATIONS,
        )  # fmt: skip

        async def setup(self, hub: PluginHub) -> None:
            """Start the engine."""
            await house.set_up(hub)

        async def stop(self) -> None:
            """Stop the engine."""
            await house.engine.stop()

    return Rehearsed
