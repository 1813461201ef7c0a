"""Each rule as an entity: on or off, with its last run, errors and counts as attributes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from hub.automation.language import Invalid, Rule
from hub.automation.runtime.runs.runs import Runs
from hub.contracts.naming import slugify
from hub.core.clock import from_us
from hub.core.errors import HubError
from hub.core.plugins import EntityHandle, PluginHub
from hub.core.registry import EntityWanted
from hub.core.states import BAD, GOOD

SHOWN_AFTER_S = 0.5
"""Changes within this time are shown together: a burst of runs must not become a burst of states."""

SHOWN_PER_TURN = 50

DOMAIN = "automation"


class RuleEntities:
    """The entities of all rules."""

    def __init__(self, hub: PluginHub, runs: Runs, is_on: Callable[[str], bool]) -> None:
        """Show the runs' records."""
        self._hub = hub
        self._runs = runs
        self._is_on = is_on
        self._handles: dict[str, EntityHandle] = {}
        self._rules: dict[str, Rule] = {}
        self._broken: dict[str, str] = {}
        self._changed: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def show(self, rules: Sequence[Rule], invalid: Sequence[Invalid]) -> None:
        """Show these rules and no others; broken ones have no good state, and their errors as an attribute."""
        for gone in self._handles.keys() - {rule.id for rule in rules} - {one.id for one in invalid}:
            self._remove(gone)
        self._rules = {rule.id: rule for rule in rules}
        self._broken = {one.id: "; ".join(map(str, one.errors)) for one in invalid if one.id not in self._rules}
        wanted = [
            *(_wanted(rule.id, rule.alias) for rule in rules if rule.id not in self._handles),
            *(_wanted(name, name) for name in self._broken if name not in self._handles),
        ]
        for one, handle in zip(wanted, await self._hub.add_entities(wanted), strict=True):
            self._handles[one.unique_id] = handle
        self._write([*self._rules, *self._broken])

    def entity_id(self, rule_id: str) -> str | None:
        """What the entity of a rule is called now."""
        handle = self._handles.get(rule_id)
        return None if handle is None else handle.entity_id

    def rule_of(self, entity_id: str) -> str | None:
        """The rule whose entity has an id."""
        return next((rule_id for rule_id, one in self._handles.items() if one.entity_id == entity_id), None)

    def changed(self, rule_id: str) -> None:
        """A rule has run, or was switched; its entity shows it in a moment."""
        self._changed.add(rule_id)
        if self._timer is None:
            self._timer = self._hub.clock.call_later(SHOWN_AFTER_S, self._write_changed)

    def this(self, kind: str, name: str) -> Mapping[str, object]:
        """What templates of a rule see as `this`."""
        if kind != "rule":
            return {"entity_id": f"{kind}.{name}", "state": "off", "attributes": {}}
        attributes = dict(self._attributes(self._rules[name])) if name in self._rules else {}
        state = "on" if self._is_on(name) else "off"
        return {"entity_id": self.entity_id(name), "state": state, "attributes": attributes}

    def stop(self) -> None:
        """Show no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _write_changed(self) -> None:
        self._timer = None
        shown = sorted(self._changed)[:SHOWN_PER_TURN]
        self._changed.difference_update(shown)
        self._write(shown)
        if self._changed:
            self._timer = self._hub.clock.call_later(0, self._write_changed)

    def _write(self, rule_ids: Iterable[str]) -> None:
        for rule_id in rule_ids:
            handle, rule = self._handles.get(rule_id), self._rules.get(rule_id)
            if handle is None:
                continue
            if rule is not None:
                handle.set(self._is_on(rule_id), quality=GOOD, attributes=self._attributes(rule))
            else:
                handle.set(None, quality=BAD, attributes={"id": rule_id, "error": self._broken.get(rule_id, "")})

    def _attributes(self, rule: Rule) -> dict[str, object]:
        record = self._runs.records.of("rule", rule.id)
        last_us = record.last_triggered_us
        shown: dict[str, object] = {
            "id": rule.id,
            "last_triggered": None if last_us is None else from_us(last_us).isoformat(),
            "mode": rule.mode,
            "current": self._runs.under_way("rule", rule.id),
            "runs": record.runs,
            "errors": record.errors,
            "refused": record.refused,
            "dropped": record.dropped,
        }
        if rule.alias:
            shown["friendly_name"] = rule.alias
        if rule.mode in ("queued", "parallel"):
            shown["max"] = rule.max
        if record.last_error:
            shown["last_error"] = record.last_error
        return shown

    def _remove(self, rule_id: str) -> None:
        handle = self._handles.pop(rule_id)
        try:
            self._hub.states.remove(handle.entity_id)
        except HubError:
            self._hub.log.debug("the entity of rule %s is gone already", rule_id)


def _wanted(rule_id: str, name: str) -> EntityWanted:
    try:
        slug = slugify(name or rule_id)
    except ValueError:
        slug = slugify(f"rule {rule_id.encode().hex()[:12]}")
    return EntityWanted(rule_id, f"{DOMAIN}.{slug}", name or rule_id)
