"""Where this engine differs from Home Assistant on purpose, as three choices that `--home-assistant` swaps."""

from __future__ import annotations

from dataclasses import dataclass

from hub.automation.language.model import Rule
from hub.automation.runtime.contract import Firing


@dataclass(frozen=True, slots=True)
class Strategies:
    """How thresholds, timers and modes behave."""

    latches: bool
    """Thresholds are latched for good and doubtful data is unknown; else they are armed in memory, an availability
    is a state like any other, and rules go by a state's text alone."""
    durable_timers: bool
    """`for` survives restarts and blips, missed times are caught up with, and a local time that comes never or
    twice counts once; else all is forgotten with the process."""
    entity_keys: bool
    """`run_per: entity` gives each entity its own run of a mode; else a rule has one."""

    def run_key(self, firing: Firing) -> tuple[str, str | None]:
        """What a mode counts by: the rule, or the rule for one entity."""
        return self.key_of(firing.rule, firing.entity_uid)

    def key_of(self, rule: Rule, entity_uid: str | None) -> tuple[str, str | None]:
        """What a mode of a rule counts by, for an entity."""
        return rule.id, entity_uid if self.entity_keys and rule.run_per == "entity" else None


OURS = Strategies(latches=True, durable_timers=True, entity_keys=True)
HOME_ASSISTANT = Strategies(latches=False, durable_timers=False, entity_keys=False)
