"""How each kind of step is done."""

from __future__ import annotations

from hub.automation.language import model
from hub.automation.runtime.runs import branches, calls, deeds, flow, waits
from hub.automation.runtime.runs.walk import Doing

DOINGS: dict[type, Doing] = {
    model.Call: calls.call,
    model.Delay: waits.delay,
    model.WaitTemplate: waits.wait_template,
    model.WaitForTrigger: waits.wait_for_trigger,
    model.FireEvent: deeds.fire_event,
    model.ConditionStep: deeds.condition,
    model.SetVariables: deeds.set_variables,
    model.Stop: deeds.stop,
    model.Choose: flow.choose,
    model.If: flow.if_then,
    model.Sequence: flow.sequence,
    model.Repeat: flow.repeat,
    model.Parallel: branches.parallel,
}
