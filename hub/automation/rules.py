"""Reads rules from `automations/*.yaml`: what triggers them, and what they then do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import voluptuous as vol

from hub.core.codec import digest
from hub.core.config import ConfigDict, ConfigError, ConfigErrors, ConfigList, load, validate
from hub.core.config.fields import decimal, entity_id, slug

FOLDER = "automations"

_THRESHOLD = vol.All(
    {
        vol.Required("trigger"): "numeric_state",
        vol.Required("entity_id"): entity_id,
        vol.Exclusive("below", "bound"): decimal,
        vol.Exclusive("at_or_below", "bound"): decimal,
        vol.Optional("reset_above"): decimal,
    },
    vol.Any(
        {vol.Required("below"): object, vol.Extra: object}, {vol.Required("at_or_below"): object, vol.Extra: object}
    ),
)
_ACTION = {vol.Required("action"): str, vol.Optional("data", default=dict): dict}
SCHEMA = vol.Schema(
    {
        vol.Required("id"): slug,
        vol.Optional("alias", default=""): str,
        vol.Required("triggers"): vol.All([_THRESHOLD], vol.Length(min=1)),
        vol.Required("actions"): vol.All([_ACTION], vol.Length(min=1)),
    }
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A latched trigger: fires once when its value passes the bound, and again only after it had recovered."""

    index: int
    entity_id: str
    bound: Decimal
    is_strict: bool
    reset_above: Decimal

    def is_beyond(self, value: Decimal) -> bool:
        """Whether a value lies beyond the bound."""
        return value < self.bound if self.is_strict else value <= self.bound

    def is_recovered(self, value: Decimal) -> bool:
        """Whether a value takes the latch off: above the reset level, and no longer beyond."""
        return value > self.reset_above and not self.is_beyond(value)

    @property
    def fingerprint(self) -> str:
        """Changes when the bound does: then current values are adopted without firing."""
        return f"{'<' if self.is_strict else '<='}{self.bound.normalize()}/{self.reset_above.normalize()}"


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a rule."""

    action: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, as it was written."""

    id: str
    alias: str
    thresholds: tuple[Threshold, ...]
    steps: tuple[Step, ...]
    content: Mapping[str, object]

    @property
    def version(self) -> str:
        """The hash of its content, which its runs are pinned to."""
        return digest(self.content)


def load_rules(folder: Path) -> list[Rule]:
    """All rules of a site's folder; raises `ConfigErrors` with everything that is wrong in any of them."""
    errors: list[ConfigError] = []
    rules: dict[str, Rule] = {}
    for path in sorted((folder / FOLDER).glob("*.yaml")):
        try:
            loaded = load(path, root=folder)
        except ConfigErrors as found:
            errors += found.errors
            continue
        if loaded.value is None:
            continue
        if not isinstance(loaded.value, ConfigList):
            errors.append(ConfigError("a file of rules is a list; start each rule with `- id:`", loaded.mark))
            continue
        for index, item in enumerate(loaded.value):
            mark = loaded.value.value_mark(index)
            try:
                rule = parse_rule(item)
            except ConfigErrors as found:
                errors += found.errors
                continue
            if rule.id in rules:
                errors.append(ConfigError(f"rule {rule.id!r} is there twice; give one of them another id", mark))
            rules[rule.id] = rule
    if errors:
        raise ConfigErrors(errors)
    return list(rules.values())


def check_rules(folder: Path) -> list[ConfigError]:
    """Everything that is wrong in a site's rules."""
    try:
        load_rules(folder)
    except ConfigErrors as found:
        return list(found.errors)
    return []


def parse_rule(item: object) -> Rule:
    """One rule from its mapping; raises `ConfigErrors`."""
    mark = item.mark if isinstance(item, ConfigDict) else None
    checked = validate(item, SCHEMA, where="rule", mark=mark)
    triggers, actions = checked["triggers"], checked["actions"]
    assert isinstance(triggers, list)
    assert isinstance(actions, list)
    thresholds = []
    for index, trigger in enumerate(triggers):
        is_strict = "below" in trigger
        bound = trigger["below"] if is_strict else trigger["at_or_below"]
        reset_above = trigger.get("reset_above", bound)
        thresholds.append(Threshold(index, trigger["entity_id"], bound, is_strict, reset_above))
    steps = tuple(Step(action["action"], dict(action["data"])) for action in actions)
    return Rule(str(checked["id"]), str(checked["alias"]), tuple(thresholds), steps, dict(checked))
