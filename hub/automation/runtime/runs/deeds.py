"""Steps that do something at once: event, variables, stop, condition."""

from __future__ import annotations

from hub.automation.language.model import ConditionStep, FireEvent, SetVariables, Stop, rendered
from hub.automation.runtime.runs.outcomes import ConditionEnds, RunAborts, RunStops
from hub.automation.runtime.runs.walk import Stand, Walk
from hub.automation.runtime.truth import TRUE
from hub.automation.templates import TemplateError
from hub.contracts.custom_events import CustomEvent
from hub.core import context as contexts
from hub.core.faultpoints import point


async def fire_event(walk: Walk, step: FireEvent, stand: Stand) -> None:
    """Put an event on the bus; after a crash right then it is put there again."""
    try:
        data = walk.render(step.event_data, stand.scope)
    except TemplateError as error:
        if not walk.tools.is_as_in_home_assistant:
            raise
        stand.entry.error = str(error)
        data = {}
    stand.entry.result.update(event=step.event, event_data=data)
    await walk.kept()
    point("runs.before_event")
    walk.run.is_fresh = False
    walk.tools.publish(CustomEvent(context=contexts.current(), event_type=step.event, data=data))


async def set_variables(walk: Walk, step: SetVariables, stand: Stand) -> None:
    """Set variables: each sees those before it, and none is set if one cannot be rendered."""
    if not walk.run.program.is_settled(step):
        walk.run.is_fresh = False
    seen = dict(stand.scope.visible())
    found: dict[str, object] = {}
    for name, value in step.variables.items():
        found[name] = seen[name] = rendered(value, lambda template: template.value(walk.tools.world, seen))
    for name, new in found.items():
        stand.set(name, new)


async def stop(walk: Walk, step: Stop, stand: Stand) -> None:
    """End the run."""
    stand.entry.result.update(stop=step.reason, error=step.is_error)
    if step.is_error:
        raise RunAborts(step.reason)
    if step.response_variable is None:
        raise RunStops(step.reason)
    visible = stand.scope.visible()
    if step.response_variable not in visible:
        raise RunAborts(f"the response variable {step.response_variable!r} is not defined")
    raise RunStops(step.reason, visible[step.response_variable])


async def condition(walk: Walk, step: ConditionStep, stand: Stand) -> None:
    """Go on only if a condition passes."""
    walk.run.is_fresh = False
    found = walk.tools.judge.judge(step.condition, stand.scope.visible())
    stand.entry.result.update(result=found.truth is TRUE, reason=found.told)
    if not found.passes:
        raise ConditionEnds(found.told)
