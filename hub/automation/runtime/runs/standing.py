"""Waits over a restart: what held when a wait was armed, and how it is armed again.

What came to hold while the hub was down ends the wait, as soon as that is known for good; what held all along
does not, and what only happened meanwhile is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

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
from hub.automation.runtime.contract import Stop, TriggerData, WaitArmer
from hub.automation.runtime.world import RuleWorld
from hub.automation.templates import StateView, TemplateError, compile_template
from hub.core import context as contexts
from hub.core.context import Context
from hub.core.selectors import Selector

OnFire = Callable[[TriggerData, Context], object]


def holding(
    triggers: Sequence[Trigger], world: RuleWorld, judge: Judge, variables: Mapping[str, object]
) -> list[str]:
    """Names of the triggers that hold now, by entity; events, times and lengths of time happen and do not hold."""
    found: list[str] = []
    for trigger in triggers:
        match trigger:
            case TemplateTrigger(for_=None):
                if _is_true(trigger, world, variables):
                    found.append(trigger.key)
            case StateTrigger(for_=None) | NumericTrigger(for_=None):
                for entity_id in world.members(trigger.targets):
                    condition = _as_condition(trigger, entity_id)
                    if condition is not None and judge.judge(condition, variables).passes:
                        found.append(_name(trigger, entity_id, world))
    return found


def arm_again(
    armer: WaitArmer,
    triggers: Sequence[Trigger],
    held: Sequence[str],
    world: RuleWorld,
    variables: Mapping[str, object],
    on_fire: OnFire,
) -> Stop:
    """Arm the triggers of a wait that goes on after a restart."""
    old: list[Trigger] = []
    new: list[Trigger] = []
    stops: list[Stop] = []
    for trigger in _apart(triggers):
        names = _names(trigger, world)
        (old if any(name in held for name in names) else new).append(trigger)
    stops.append(armer.arm(old, variables, on_fire))
    stops.append(armer.arm(new, variables, on_fire, is_resumed=True))
    for trigger in triggers:
        if isinstance(trigger, StateTrigger) and trigger.for_ is None and trigger.to is not None:
            unheld = [one for one in world.members(trigger.targets) if _name(trigger, one, world) not in held]
            stops += [_watch(armer, trigger, entity_id, world, on_fire) for entity_id in unheld]

    def stop() -> None:
        while stops:
            stops.pop()()

    return stop


def _apart(triggers: Sequence[Trigger]) -> list[Trigger]:
    """Thresholds over several entities as one for each, since each of them may have held."""
    found: list[Trigger] = []
    for trigger in triggers:
        if isinstance(trigger, NumericTrigger) and trigger.targets.is_explicit:
            ids = trigger.targets.selector.entity_ids
            found += [replace(trigger, targets=Targets(Selector((entity_id,)))) for entity_id in ids]
        else:
            found.append(trigger)
    return found


def _names(trigger: Trigger, world: RuleWorld) -> list[str]:
    if isinstance(trigger, NumericTrigger):
        return [_name(trigger, entity_id, world) for entity_id in world.members(trigger.targets)]
    return [trigger.key]


def _name(trigger: Trigger, entity_id: str, world: RuleWorld) -> str:
    return f"{trigger.key} {world.uid_of(entity_id)}"


def _watch(armer: WaitArmer, trigger: StateTrigger, entity_id: str, world: RuleWorld, on_fire: OnFire) -> Stop:
    """Wait until an entity is known to be in one of the states: that it came there may have been missed."""
    assert trigger.to is not None
    asked = f"is_state_attr({json.dumps(entity_id)}, {json.dumps(trigger.attribute)}, "
    if trigger.attribute is None:
        asked = f"is_state({json.dumps(entity_id)}, "
    text = " or ".join(f"{asked}{_literal(value)})" for value in trigger.to)
    template = compile_template(f"{{{{ {text} }}}}", trigger.path)
    return armer.watch_template(template, {}, partial(_tell, trigger, entity_id, world, on_fire))


def _literal(value: object) -> str:
    return repr(value) if isinstance(value, bool | int | None) else json.dumps(str(value))


def _tell(trigger: Trigger, entity_id: str, world: RuleWorld, on_fire: OnFire) -> None:
    state = world.state(entity_id)
    data: TriggerData = {
        "id": trigger.id, "idx": str(trigger.index), "alias": trigger.alias or None, "platform": "state",
        "entity_id": entity_id, "from_state": None,
        "to_state": None if state is None else StateView(world, state),
        "for": None, "late_s": 0, "description": f"state of {entity_id} since the hub was down",
    }  # fmt: skip
    on_fire(data, contexts.current())


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
