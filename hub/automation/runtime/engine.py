"""The rule engine: rules and scripts loaded and attached, switched, reloaded all or nothing, and explained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hub.automation.language import Loaded, Rule, Script
from hub.automation.runtime.attaching import Triggers
from hub.automation.runtime.contract import Attached, Attacher, Firing, TriggerError, Why
from hub.automation.runtime.entities import RuleEntities
from hub.automation.runtime.explaining import Explanation, explain, is_overlooked
from hub.automation.runtime.notes import NoteBook
from hub.automation.runtime.runs import schema
from hub.automation.runtime.runs.calling import Asked, Caller, HubCaller
from hub.automation.runtime.runs.people import WaitingRoom
from hub.automation.runtime.runs.records import RuleRecord
from hub.automation.runtime.runs.run import Run
from hub.automation.runtime.runs.runs import Runs, Surroundings
from hub.automation.runtime.strategies import OURS, Strategies
from hub.automation.runtime.waiting import Waits
from hub.automation.runtime.world import RuleWorld
from hub.contracts.custom_events import CustomEvent
from hub.core import context as contexts
from hub.core.config import ConfigError, ConfigErrors, did_you_mean
from hub.core.errors import NotFound
from hub.core.plugins import PluginHub

TRIGGERED = "automation_triggered"


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload changed, by rule and script ids."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


class Engine:
    """The rules of a site at work."""

    def __init__(
        self,
        hub: PluginHub,
        world: RuleWorld,
        load: Callable[[], Loaded],
        *,
        strategies: Strategies = OURS,
        caller: Caller | None = None,
        on_call: Callable[[Asked], object] = lambda asked: None,
        providers: Iterable[str] = (),
    ) -> None:
        """Take what reads the rules; `caller` makes the calls of runs, by the hub's actions if none is given."""
        self._hub = hub
        self._load = load
        self._strategies = strategies
        self._attached: dict[str, Attached] = {}
        self._faults: dict[str, str] = {}
        self._loaded = Loaded((), ())
        self._notes = NoteBook(hub.clock)
        self.runs = Runs(
            Surroundings(
                world, hub.clock, hub.ids, hub.db, hub.spawn, hub.bus.publish, caller or HubCaller(hub), strategies,
                providers, on_call, self._triggered, self._run_ended,
                lambda kind, name: self.entities.this(kind, name),
            )
        )  # fmt: skip
        self.entities = RuleEntities(hub, self.runs, lambda rule_id: self.is_on(rule_id))
        triggers = Triggers(hub, world, strategies, self.runs.starter, self._notes)
        self._triggers: Attacher = triggers
        self.runs.arm_with(Waits(triggers.around), triggers.around.alarms)

    # Life

    async def start(self) -> None:
        """Go on with runs of earlier starts, then attach every rule that is on."""
        await self.runs.load()
        await self._triggers.load()
        loaded = self._load()
        definitions: list[Rule | Script] = [*loaded.rules, *loaded.scripts]
        for definition in definitions:
            self.runs.library.put(definition)
        self._loaded = loaded
        await self.runs.keep_definitions(definitions, purges=True)
        for rule in loaded.rules:
            if rule.initial_state is not None:
                self._record(rule.id).is_on = rule.initial_state
        await self.entities.show(loaded.rules, loaded.invalid)
        await self.runs.resume(self._why_gone)
        for rule in loaded.rules:
            if self._record(rule.id).is_on:
                self._attach_or_say(rule, "start")
        for one in loaded.invalid:
            for error in one.errors:
                self._hub.log.error("rule %s is invalid and does not run: %s", one.id, error)
        self._hub.keep("records of rules", self.runs.housekeeping)

    async def stop(self) -> None:
        """Fire no more and let the runs be; the next start goes on with them."""
        for attached in self._attached.values():
            attached.detach()
        self._attached.clear()
        await self._triggers.settled()
        self._triggers.stop()
        self.entities.stop()
        await self.runs.stop()

    async def reload(self) -> Reloaded:
        """Read the rules again; with any error nothing changes and `ConfigErrors` says all of them.

        Rules that did not change stay as they are. Runs under way go on with the version that they began with, and
        those of removed rules end.
        """
        loaded = self._load()
        is_strict = self._strategies.latches
        if loaded.invalid and is_strict:
            raise ConfigErrors([error for one in loaded.invalid for error in one.errors])
        before, after = _by_id(self._loaded), _by_id(loaded)
        changed = [key for key in after if key in before and after[key].version != before[key].version]
        added = [key for key in after if key not in before]
        removed = [key for key in before if key not in after]
        await self.runs.keep_definitions([after[key] for key in (*changed, *added)])
        self._replace(before, after, changed, added, removed)
        self._loaded = loaded
        for kind, name in removed:
            self._remove(kind, name)
        if not is_strict:
            for kind, name in changed:
                self.runs.cancel_of(kind, name, "its rule was changed")
        await self.entities.show(loaded.rules, loaded.invalid)
        return Reloaded(*(tuple(name for _, name in keys) for keys in (added, changed, removed)))

    def _replace(
        self,
        before: _Definitions,
        after: _Definitions,
        changed: Sequence[_Key],
        added: Sequence[_Key],
        removed: Sequence[_Key],
    ) -> None:
        """Attach what is new in the place of what was; with any error everything is put back."""
        for _, name in (*changed, *removed):
            self._detach(name)
        for key in (*changed, *added):
            self.runs.library.put(after[key])
        errors = [error for key in (*changed, *added) if (error := self._attach_again(after[key])) is not None]
        if not errors:
            return
        for kind, name in (*changed, *added):
            if kind == "rule":
                self._detach(name)
        for kind, name in added:
            self.runs.library.remove(kind, name)
        for key in (*changed, *removed):
            self.runs.library.put(before[key])
            self._attach_again(before[key])
        raise ConfigErrors(errors)

    def _attach_again(self, definition: Rule | Script) -> ConfigError | None:
        if not isinstance(definition, Rule) or not self._record(definition.id).is_on:
            return None
        try:
            self._attach(definition, "reload")
        except TriggerError as error:
            return ConfigError(str(error), definition.mark)
        return None

    def _remove(self, kind: str, name: str) -> None:
        self.runs.library.remove(kind, name)
        self.runs.cancel_of(kind, name, f"its {kind} was removed")
        self.runs.records.drop(kind, name)
        if kind == "rule":
            self._faults.pop(name, None)
            self._notes.drop(name)
            self._triggers.forget(name)

    # Switches

    def is_on(self, rule_id: str) -> bool:
        """Whether a rule is switched on."""
        return self._record(rule_id).is_on

    async def turn_on(self, rule_id: str) -> None:
        """Switch a rule on: what is beyond its thresholds by now is adopted."""
        rule = self.rule(rule_id)
        record = self._record(rule_id)
        if not record.is_on or rule_id in self._faults:
            record.is_on = True
            self._attach_or_say(rule, "enable")
            await self._switched(rule_id)

    async def turn_off(self, rule_id: str, *, ends_runs: bool = True) -> None:
        """Switch a rule off; its runs end unless they are to go on."""
        self.rule(rule_id)
        record = self._record(rule_id)
        if record.is_on:
            record.is_on = False
            self._detach(rule_id)
            self._triggers.forget(rule_id)
            await self._switched(rule_id)  # before the runs end: one of them may have asked for it
            if ends_runs:
                self.runs.cancel_of("rule", rule_id, "its rule was switched off")

    async def run_now(self, rule_id: str, *, skips_conditions: bool = True) -> None:
        """Run the actions of a rule whatever its triggers say, as its mode allows, also while it is off."""
        rule = self.rule(rule_id)
        cause = contexts.current()
        data: dict[str, object] = {
            "platform": None,
            "id": None,
            "description": f"started by {cause.actor}",
            "late_s": 0,
        }
        firing = Firing(rule, rule.triggers[0], None, None, data, {}, self._hub.clock.now_us(), 0, cause)
        starter = self.runs.starter
        considered = starter.consider(firing, is_forced=True, skips_conditions=skips_conditions)
        await self._hub.db.write(lambda tx: starter.begin(tx, [considered]), origin="runs")

    async def _switched(self, rule_id: str) -> None:
        self.runs.records.changed("rule", rule_id)
        self.entities.changed(rule_id)
        await self.runs.records.save()

    def _attach(self, rule: Rule, why: Why) -> None:
        self._faults.pop(rule.id, None)
        self._attached[rule.id] = self._triggers.attach(rule, why)

    def _attach_or_say(self, rule: Rule, why: Why) -> None:
        try:
            self._attach(rule, why)
        except TriggerError as error:
            self._faults[rule.id] = str(error)
            self._hub.log.error("rule %s cannot be attached and does not run: %s", rule.id, error)

    def _detach(self, rule_id: str) -> None:
        attached = self._attached.pop(rule_id, None)
        if attached is not None:
            attached.detach()

    # What people ask

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that are loaded."""
        return self._loaded.rules

    @property
    def loaded(self) -> Loaded:
        """Everything that was loaded last, broken rules too."""
        return self._loaded

    @property
    def waiting(self) -> WaitingRoom:
        """The runs that wait for a person."""
        return self.runs.waiting

    def rule(self, rule_id: str) -> Rule:
        """A rule by its id; raises `NotFound` with a close one."""
        for rule in self._loaded.rules:
            if rule.id == rule_id:
                return rule
        hint = did_you_mean(rule_id, [rule.id for rule in self._loaded.rules])
        raise NotFound(f"there is no rule {rule_id!r}.{hint or ' See `hub rules list`.'}")

    async def traces(self, rule_id: str) -> list[dict[str, object]]:
        """The last runs of a rule, step by step, the newest first; refused and dropped ones too."""
        self.rule(rule_id)
        return await self.runs.records.traces_of("rule", rule_id)

    async def explain(self, rule_id: str) -> Explanation:
        """Why a rule did not run."""
        rule = self.rule(rule_id)
        attached = self._attached.get(rule_id)
        drops = await self._hub.db.read(lambda reader: schema.read_drops(reader, "rule", rule_id))
        return explain(
            rule,
            self._record(rule_id),
            self._faults.get(rule_id, ""),
            [] if attached is None else attached.latches(),
            self._notes.of(rule_id),
            drops,
            self.runs.records.traces.of("rule", rule_id),
            self.runs.under_way("rule", rule_id),
            [one.run_id for one in self.waiting.all() if (one.kind, one.name) == ("rule", rule_id)],
        )

    def overlooked(self) -> list[str]:
        """The rules that have never fired although somebody is beyond one of their thresholds."""
        return [
            rule_id
            for rule_id, attached in self._attached.items()
            if is_overlooked(attached.latches(), self._record(rule_id))
        ]

    async def settled(self) -> None:
        """Wait until everything that has fired so far is on disk."""
        await self._triggers.settled()

    def _record(self, rule_id: str) -> RuleRecord:
        return self.runs.records.of("rule", rule_id)

    def _why_gone(self, kind: str, name: str) -> str:
        """Why runs of an earlier start may not go on; a broken rule's do, with the version that they began with."""
        if kind == "rule" and not self._record(name).is_on:
            return "its rule is switched off"
        if self.runs.library.present(kind, name) is not None:
            return ""
        broken = f"script.{name}" if kind == "script" else name
        if any(one.id == broken or one.id.endswith(".yaml") for one in self._loaded.invalid):
            return ""
        return f"its {kind} was removed"

    def _triggered(self, run: Run) -> None:
        name = run.program.definition.id
        self.entities.changed(name)
        if self._hub.bus.channel(CustomEvent).wants(TRIGGERED):
            data = {"name": run.program.definition.alias or name, "entity_id": self.entities.entity_id(name)}
            self._hub.bus.publish(
                CustomEvent(context=run.context, event_type=TRIGGERED, data={**data, "source": run.cause})
            )

    def _run_ended(self, run: Run) -> None:
        if run.program.kind == "rule":
            self.entities.changed(run.program.definition.id)


_Key = tuple[str, str]
_Definitions = dict[_Key, Rule | Script]


def _by_id(loaded: Loaded) -> _Definitions:
    return {
        **{("rule", rule.id): rule for rule in loaded.rules},
        **{("script", script.id): script for script in loaded.scripts},
    }
