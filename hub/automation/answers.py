"""What a running hub answers about its rules, and what only a person does with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import voluptuous as vol

from hub.automation.language import Finding, Known, Loaded, Rule, check
from hub.automation.rehearse.preview import Previewer
from hub.automation.runtime.contract import Firing
from hub.automation.runtime.engine import Engine
from hub.automation.runtime.world import RuleWorld
from hub.automation.templates import StateView
from hub.core import context as contexts
from hub.core.actions import Call, Effect
from hub.core.clock import from_us
from hub.core.config import did_you_mean
from hub.core.errors import NotFound
from hub.core.plugins import PluginHub
from hub.core.principals import OWNER, Principal


class Answers:
    """The queries `rules.*` and the actions that go with them."""

    def __init__(self, hub: PluginHub, world: RuleWorld, engine: Engine, load: Callable[[], Loaded]) -> None:
        """Offer them with `offer`; `load` reads the files as they are now."""
        self._hub = hub
        self._world = world
        self._engine = engine
        self._load = load

    def offer(self) -> None:
        """Answer, until the plugin stops."""
        for name, answer, description in (
            ("rules.list", self._list, "All rules: whether they are on, when they last ran, and broken ones."),
            ("rules.trace", self._trace, "The last runs of a rule, step by step, the newest first."),
            ("rules.explain", self._explain, "Why a rule did not run."),
            ("rules.preview", self._preview, "Whom rules would hit now, and what they would call."),
            ("rules.check", self._check, "What is wrong with the rules as their files are now."),
            ("rules.approvals", self._approvals, "The runs that wait for a person."),
        ):
            self._hub.answer(name, answer, description=description)
        register = self._hub.actions.register
        register(
            "automation.run_current", self._run_current, effect=Effect.LEVEL, schema={"id": str},
            description="Run a rule now for each entity that is beyond one of its thresholds.",
            returns="the entities",
        )  # fmt: skip
        register(
            "automation.approve", self._approve, effect=Effect.LEVEL,
            schema={"run": str, vol.Optional("choice"): vol.In(("go_on", "repeat", "skip"))},
            description="Let a run go on that waits for a person.",
        )  # fmt: skip
        register(
            "automation.cancel", self._cancel, effect=Effect.LEVEL, schema={"run": str},
            description="End a run that waits for a person.",
        )  # fmt: skip

    async def _list(self, principal: Principal, params: Mapping[str, Any]) -> list[dict[str, object]]:
        overlooked = set(self._engine.overlooked())
        found = [self._row(rule, is_overlooked=rule.id in overlooked) for rule in self._engine.rules]
        broken = self._engine.loaded.invalid
        return found + [
            {"id": one.id, "is_valid": False, "errors": [str(error) for error in one.errors]} for one in broken
        ]

    def _row(self, rule: Rule, *, is_overlooked: bool) -> dict[str, object]:
        record = self._engine.runs.records.of("rule", rule.id)
        last_us = record.last_triggered_us
        return {
            "id": rule.id, "alias": rule.alias, "is_valid": True, "is_on": record.is_on,
            "entity_id": self._engine.entities.entity_id(rule.id),
            "last_triggered": None if last_us is None else from_us(last_us).isoformat(),
            "runs": record.runs, "errors": record.errors, "refused": record.refused, "dropped": record.dropped,
            "under_way": self._engine.runs.under_way("rule", rule.id), "is_overlooked": is_overlooked,
            "written_at": str(rule.mark or ""),
        }  # fmt: skip

    async def _trace(self, principal: Principal, params: Mapping[str, Any]) -> list[dict[str, object]]:
        return await self._engine.traces(_text(params, "rule"))

    async def _explain(self, principal: Principal, params: Mapping[str, Any]) -> object:
        return await self._engine.explain(_text(params, "rule"))

    async def _preview(self, principal: Principal, params: Mapping[str, Any]) -> list[object]:
        """By the files as they are now: a rule can be tried before it is loaded."""
        loaded = self._load()
        wanted = params.get("rule")
        rules = [rule for rule in loaded.rules if wanted in (None, rule.id)]
        if not rules:
            hint = did_you_mean(str(wanted), [rule.id for rule in loaded.rules])
            raise NotFound(f"there is no rule {wanted!r} in the files.{hint or ' See `hub rules check`.'}")
        previewer = Previewer(self._hub, self._world, loaded)
        return [previewer.of(rule) for rule in rules]

    async def _check(self, principal: Principal, params: Mapping[str, Any]) -> dict[str, list[str]]:
        loaded = self._load()
        registry = self._hub.registry
        known = Known(
            entity_ids={state.entity_id for state in self._hub.states}
            | {entity.entity_id for entity in registry.entities(OWNER)},
            actions={action.name: action for action in self._hub.actions.all()},
        )
        findings: list[Finding] = check(loaded, known)
        errors = [str(error) for one in loaded.invalid for error in one.errors]
        errors += [str(found) for found in findings if found.severity == "error"]
        return {"errors": errors, "warnings": [str(found) for found in findings if found.severity == "warning"]}

    async def _approvals(self, principal: Principal, params: Mapping[str, Any]) -> list[dict[str, object]]:
        return [asdict(one) for one in self._engine.waiting.all()]

    async def _approve(self, call: Call) -> None:
        self._engine.waiting.approve(call.data["run"], call.data.get("choice"))

    async def _cancel(self, call: Call) -> None:
        self._engine.waiting.cancel(call.data["run"], f"{call.principal.actor} ended it")

    async def _run_current(self, call: Call) -> list[str]:
        """A rule that is new has adopted who is beyond already; this is how a person has it deal with them."""
        rule = self._engine.rule(call.data["id"])
        latches = (await self._engine.explain(rule.id))["latches"]
        beyond = list(dict.fromkeys(str(view["entity_id"]) for view in latches if view["is_beyond"]))
        starter = self._engine.runs.starter
        considered = [starter.consider(self._firing(rule, entity_id)) for entity_id in beyond]
        if considered:
            await self._hub.db.write(lambda tx: starter.begin(tx, considered), origin="runs")
        return beyond

    def _firing(self, rule: Rule, entity_id: str) -> Firing:
        cause = contexts.current()
        state = self._world.state(entity_id)
        view = None if state is None else StateView(self._world, state)
        data: dict[str, object] = {
            "platform": "numeric_state", "id": rule.triggers[0].id, "idx": "0", "alias": None, "late_s": 0,
            "entity_id": entity_id, "from_state": view, "to_state": view, "for": None,
            "description": f"started by {cause.actor}",
        }  # fmt: skip
        return Firing(
            rule,
            rule.triggers[0],
            entity_id,
            self._world.uid_of(entity_id),
            data,
            {},
            self._world.now_us(),
            0,
            cause,
        )


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str):
        raise NotFound(f"name a {name}; `hub rules list` shows them")
    return value
