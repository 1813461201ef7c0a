"""What rules, people and other plugins can make the engine do: switch rules, run them, run scripts, reload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import voluptuous as vol

from hub.automation.language import Script
from hub.automation.runtime.engine import Engine
from hub.automation.runtime.runs.strands import Raised
from hub.core import context as contexts
from hub.core.actions import Call, Effect, InvalidCall
from hub.core.config import did_you_mean
from hub.core.errors import NotFound
from hub.core.plugins import PluginHub

SCRIPT_LIMIT_S = 86_400.0
"""How long a caller from outside waits for a script; the script itself goes on."""

_RULES = {vol.Optional("entity_id"): vol.Any(str, [str]), vol.Optional("id"): vol.Any(str, [str])}


class OwnActions:
    """The actions `automation.*` and `script.*`."""

    def __init__(self, hub: PluginHub, engine: Engine) -> None:
        """Offer them with `offer`."""
        self._hub = hub
        self._engine = engine
        self._scripts: dict[str, Callable[[], None]] = {}

    def offer(self) -> None:
        """Register the actions; `offer_scripts` after each load for those of the scripts."""
        register = self._hub.actions.register
        for name, handler, schema, description in (
            ("automation.turn_on", self._turn_on, _RULES, "Switch rules on."),
            (
                "automation.turn_off",
                self._turn_off,
                {**_RULES, vol.Optional("stop_actions", default=True): bool},
                "Switch rules off; their runs end unless `stop_actions` is false.",
            ),
            ("automation.toggle", self._toggle, _RULES, "Switch rules on that are off, and the other way round."),
            (
                "automation.trigger",
                self._trigger,
                {**_RULES, vol.Optional("skip_condition", default=True): bool},
                "Run the actions of rules now, whatever their triggers say.",
            ),
            ("automation.reload", self._reload, {}, "Read the rules again; with any error nothing changes."),
            (
                "script.turn_on",
                self._start_scripts,
                {**_RULES, vol.Optional("variables", default=dict): dict},
                "Start scripts without waiting for them.",
            ),
            ("script.turn_off", self._end_scripts, _RULES, "End all runs of scripts."),
        ):
            register(name, handler, effect=Effect.LEVEL, description=description, schema=schema)
        self.offer_scripts()

    def offer_scripts(self) -> None:
        """Offer each script that there is now as an action, and no others."""
        scripts = {script.id: script for script in self._engine.loaded.scripts}
        for gone in [name for name in self._scripts if name not in scripts]:
            self._scripts.pop(gone)()
        for name, script in scripts.items():
            if name in self._scripts:
                self._scripts.pop(name)()
            self._scripts[name] = self._hub.actions.register(
                f"script.{name}", self._run_script, effect=Effect.LEVEL, description=_about(script),
                schema=_schema(script), returns="what its `stop` gives", limit_s=SCRIPT_LIMIT_S,
            )  # fmt: skip

    async def _turn_on(self, call: Call) -> None:
        for rule_id in self._rules(call):
            await self._engine.turn_on(rule_id)

    async def _turn_off(self, call: Call) -> None:
        for rule_id in self._rules(call):
            await self._engine.turn_off(rule_id, ends_runs=call.data["stop_actions"])

    async def _toggle(self, call: Call) -> None:
        for rule_id in self._rules(call):
            if self._engine.is_on(rule_id):
                await self._engine.turn_off(rule_id)
            else:
                await self._engine.turn_on(rule_id)

    async def _trigger(self, call: Call) -> None:
        for rule_id in self._rules(call):
            await self._engine.run_now(rule_id, skips_conditions=call.data["skip_condition"])

    async def _reload(self, call: Call) -> Mapping[str, object]:
        changed = await self._engine.reload()
        self.offer_scripts()
        return {"added": changed.added, "changed": changed.changed, "removed": changed.removed}

    async def _start_scripts(self, call: Call) -> None:
        key = call.key or self._hub.ids.new()
        for name in self._named_scripts(call):
            self._engine.runs.scripts.start(
                name, call.data["variables"], f"{key}/{name}", contexts.current(), lambda _: None
            )

    async def _end_scripts(self, call: Call) -> None:
        for name in self._named_scripts(call):
            self._engine.runs.scripts.end_all(name, call.action)

    async def _run_script(self, call: Call) -> object:
        name = call.action.partition(".")[2]
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def told(value: object = None) -> None:
            if done.done():
                return
            if isinstance(value, Raised):
                done.set_exception(value.error)
            else:
                done.set_result(value)

        run_id = f"script.{name}/{call.key}" if call.key else self._hub.ids.new()
        self._engine.runs.scripts.start(name, call.data, run_id, contexts.current(), told)
        return await done

    def _rules(self, call: Call) -> list[str]:
        """The rules that a call means, by entity id or by id."""
        found = _listed(call.data.get("id"))
        for entity_id in _listed(call.data.get("entity_id")):
            rule_id = self._engine.entities.rule_of(entity_id)
            if rule_id is None:
                known = [self._engine.entities.entity_id(rule.id) or "" for rule in self._engine.rules]
                raise NotFound(
                    f"{call.action}: no rule has the entity {entity_id!r}.{did_you_mean(entity_id, known)}"
                )
            found.append(rule_id)
        if not found:
            raise InvalidCall(f"{call.action}: name rules by `entity_id` (automation.NAME) or by `id`")
        return found

    def _named_scripts(self, call: Call) -> Sequence[str]:
        names = [*_listed(call.data.get("id"))]
        names += [entity_id.removeprefix("script.") for entity_id in _listed(call.data.get("entity_id"))]
        if not names:
            raise InvalidCall(f"{call.action}: name scripts by `entity_id` (script.NAME) or by `id`")
        return [self._engine.runs.scripts.find(name).definition.id for name in names]


def _listed(value: object) -> list[str]:
    return [] if value is None else [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _about(script: Script) -> str:
    return script.description or script.alias or f"Run the script {script.id}."


def _schema(script: Script) -> dict[object, object]:
    """Fields as voluptuous keys; a script takes other variables too."""
    schema: dict[object, object] = {vol.Extra: object}
    for field in script.fields:
        key = vol.Required if field.is_required and field.default is None else vol.Optional
        schema[key(field.key, description=field.description or field.name)] = object
    return schema
