"""A hub with the triggers of rules in it, and what has fired: everything of the engine except the runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path

from rule_reading import RULES, read

from hub.automation.language import Rule
from hub.automation.language.model import Trigger
from hub.automation.runtime.attaching import AttachedRule, Triggers
from hub.automation.runtime.contract import Firing, Note, TriggerData, Why
from hub.automation.runtime.store import TRIGGER_TABLES
from hub.automation.runtime.strategies import OURS, Strategies
from hub.automation.runtime.waiting import Waits
from hub.automation.runtime.world import RuleWorld
from hub.contracts.providers import PROVIDERS, SUN
from hub.core.plugins import Manifest, Plugin, PluginHub, PluginState
from hub.core.registry import Entity, EntityWanted
from hub.core.states import State, Value
from hub.core.storage import Migration, Tx
from hub.testing.harness import HubHarness

FIRED = "CREATE TABLE automation__fired (rule TEXT NOT NULL, entity TEXT) STRICT;"


class Fired:
    """What fired and is on disk; implements `Starter` and `Notes`."""

    def __init__(self) -> None:
        """Nothing fired yet."""
        self.firings: list[Firing] = []
        self.notes: list[Note] = []
        self.considered = 0
        self.refuses: set[str] = set()
        """Rules whose runs cannot be written."""
        self.abandoned: list[Firing] = []

    def consider(self, firing: Firing) -> Firing:
        """Take it as it is."""
        self.considered += 1
        return firing

    def begin(self, tx: Tx, considered: Sequence[Firing]) -> None:
        """Write a row for each."""
        for firing in considered:
            if firing.rule.id in self.refuses:
                raise ValueError(f"{firing.rule.id} is refused")
            tx.execute("INSERT INTO automation__fired VALUES (?, ?)", (firing.rule.id, firing.entity_id))
        tx.on_commit(lambda: self.firings.extend(considered))

    def abandon(self, considered: Sequence[Firing], error: Exception) -> None:
        """Note it."""
        assert isinstance(error, ValueError)
        self.abandoned.extend(considered)

    def note(self, note: Note) -> None:
        """Keep a note."""
        self.notes.append(note)

    def take(self) -> list[str | None]:
        """The entities that fired since the last time."""
        taken = [firing.entity_id for firing in self.firings]
        self.firings.clear()
        return taken

    def data(self) -> TriggerData:
        """The `trigger` variable of the only firing since the last time."""
        [firing] = self.firings
        self.firings.clear()
        return firing.trigger_data

    def told(self) -> list[tuple[str, str]]:
        """Kind and text of the notes since the last time."""
        told: list[tuple[str, str]] = [(note.kind, note.text) for note in self.notes]
        self.notes.clear()
        return told


class House:
    """A hub, rules in it, and what they did."""

    def __init__(self, hub: HubHarness, strategies: Strategies = OURS) -> None:
        """Furnish a hub; `start` brings the rules."""
        self.hub = hub
        self.fired = Fired()
        self.strategies = strategies
        self.time_zone: tzinfo | None = None
        """In place of the site's."""
        self.triggers: Triggers[Firing]
        self.waits: Waits
        self.attached: dict[str, AttachedRule] = {}
        self.rules: dict[str, Rule] = {}

    @property
    def folder(self) -> Path:
        """The site's folder."""
        return self.hub.hub.site.folder

    async def start(self, text: str) -> None:
        """Bring rules, as with the start of the hub."""
        self._write(text)
        status = await self.hub.load_plugin(_plugin_of(self))
        assert status.state is PluginState.RUNNING, status.reason
        await self.settle()

    async def restart(self, text: str | None = None, down: str | float = 0) -> None:
        """Stop the hub and start it again after a while, with the same rules or others."""
        if text is not None:
            self._write(text)
        await self.settle()

        async def wait() -> None:
            await self.hub.advance(down)

        await self.hub.restart(wait)
        await self.settle()

    async def reload(self, text: str, why: Why = "reload") -> None:
        """Bring other rules; those that are gone are forgotten."""
        rules = self.read(text)
        for attached in self.attached.values():
            attached.detach()
        for rule_id in self.rules.keys() - rules.keys():
            self.triggers.forget(rule_id)
        self.rules = rules
        self.attached = {rule.id: self.triggers.attach(rule, why) for rule in rules.values()}
        await self.settle()

    def read(self, text: str) -> dict[str, Rule]:
        """Rules of a text, by id."""
        self._write(text)
        return {rule.id: rule for rule in self._read()}

    async def set(self, entity_id: str, value: Value, **fields: object) -> State:
        """Write a state, and wait for what it fires."""
        state = self.hub.set_state(entity_id, value, **fields)
        await self.settle()
        return state

    async def settle(self) -> None:
        """Wait until everything that fired is on disk."""
        if self.attached:
            await self.triggers.settled()

    async def advance(self, span: str | float) -> None:
        """Let time pass."""
        await self.hub.advance(span)
        await self.settle()

    async def entity(self, entity_id: str) -> Entity:
        """A registered entity."""
        wanted = EntityWanted(unique_id=f"point/{entity_id}", entity_id=entity_id, name=entity_id)
        [entity] = await self.hub.kernel.registry.ensure_entities([wanted], owner="test")
        return entity

    def trigger(self, rule_id: str = "a") -> Trigger:
        """The only trigger of a rule."""
        [trigger] = self.rules[rule_id].triggers
        return trigger

    def _write(self, text: str) -> None:
        file = self.folder / RULES
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    def _read(self) -> tuple[Rule, ...]:
        loaded = read(self.folder, (self.folder / RULES).read_text(), PROVIDERS)
        assert not loaded.invalid, [str(error) for invalid in loaded.invalid for error in invalid.errors]
        return loaded.rules

    async def setup(self, hub: PluginHub) -> None:
        """What the plugin does when it is set up."""
        kernel = self.hub.kernel
        world = RuleWorld(
            kernel.states, kernel.clock, self.time_zone or hub.site.time_zone, kernel.registry, kernel.selections,
            sun=lambda: hub.find(SUN),
        )  # fmt: skip
        self.triggers = Triggers(hub, world, self.strategies, self.fired, self.fired)
        await self.triggers.load()
        self.waits = Waits(self.triggers.around)
        self.rules = {rule.id: rule for rule in self._read()}
        self.attached = {rule.id: self.triggers.attach(rule, "start") for rule in self.rules.values()}


def _plugin_of(house: House) -> type[Plugin]:
    class Automation(Plugin):
        """The triggers of a house."""

        manifest = Manifest(
            name="automation", version="1", description="The triggers of rules.", critical=True,
            migrations=(Migration(1, "triggers", TRIGGER_TABLES + FIRED),),
        )  # fmt: skip

        async def setup(self, hub: PluginHub) -> None:
            """Attach the rules."""
            await house.setup(hub)

        async def stop(self) -> None:
            """Let no alarm ring any more."""
            house.triggers.stop()

    return Automation
