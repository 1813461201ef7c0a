"""Which triggers of a wait hold as things stand: what came to hold while the hub was down ends the wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.automation.language.model import (
    NumericCondition,
    NumericTrigger,
    StateCondition,
    StateTrigger,
    Targets,
    TemplateTrigger,
    Trigger,
)
from hub.automation.runtime.conditions import Judge
from hub.automation.runtime.contract import TriggerData
from hub.automation.runtime.world import RuleWorld
from hub.automation.templates import StateView, TemplateError
from hub.core.selectors import Selector

Standing = dict[str, tuple[Trigger, str | None]]


def holding(
    triggers: Sequence[Trigger], world: RuleWorld, judge: Judge, variables: Mapping[str, object]
) -> Standing:
    """The triggers that hold now, each with its entity, by a name that stays the same over a restart.

    Events, times and lengths of time (`for`) do not hold: they happen.
    """
    found: Standing = {}
    for trigger in triggers:
        match trigger:
            case TemplateTrigger(for_=None):
                if _is_true(trigger, world, variables):
                    found[trigger.key] = trigger, None
            case StateTrigger(for_=None) | NumericTrigger(for_=None):
                for entity_id in world.members(trigger.targets):
                    condition = _as_condition(trigger, entity_id)
                    if condition is not None and judge.judge(condition, variables).passes:
                        found[f"{trigger.key} {world.uid_of(entity_id)}"] = trigger, entity_id
    return found


def _is_true(trigger: TemplateTrigger, world: RuleWorld, variables: Mapping[str, object]) -> bool:
    try:
        return trigger.value_template.truth(world, variables)
    except TemplateError:
        return False


def _as_condition(
    trigger: StateTrigger | NumericTrigger, entity_id: str
) -> StateCondition | NumericCondition | None:
    targets = Targets(Selector((entity_id,)))
    if isinstance(trigger, NumericTrigger):
        return NumericCondition(
            path=trigger.path, targets=targets, above=trigger.above, below=trigger.below,
            at_or_above=trigger.at_or_above, at_or_below=trigger.at_or_below, attribute=trigger.attribute,
            value_template=trigger.value_template,
        )  # fmt: skip
    if trigger.to is None:
        return None
    return StateCondition(path=trigger.path, targets=targets, states=trigger.to, attribute=trigger.attribute)


def standing_data(trigger: Trigger, entity_id: str | None, world: RuleWorld) -> TriggerData:
    """What a run sees of a trigger that came to hold while the hub was down."""
    state = None if entity_id is None else world.state(entity_id)
    return {
        "id": trigger.id, "idx": str(trigger.index), "alias": trigger.alias or None, "entity_id": entity_id,
        "from_state": None, "to_state": None if state is None else StateView(world, state),
        "description": "holds since the hub was down",
    }  # fmt: skip
