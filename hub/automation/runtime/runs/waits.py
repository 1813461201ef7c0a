"""Steps that wait: delay, wait_template, wait_for_trigger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from hub.automation.language.model import Delay, WaitForTrigger, WaitTemplate
from hub.automation.runtime.contract import Stop, TriggerData, TriggerError
from hub.automation.runtime.runs.outcomes import RunAborts, StepFails
from hub.automation.runtime.runs.standing import arm_again, holding
from hub.automation.runtime.runs.strands import Cancel, Done, Pause
from hub.automation.runtime.runs.walk import Stand, Walk
from hub.automation.templates import TemplateError
from hub.core.context import Context
from hub.core.faultpoints import point

_TIMED_OUT = object()
_Arm: TypeAlias = Callable[[Done], Stop]


async def delay(walk: Walk, step: Delay, stand: Stand) -> None:
    """Wait so long; a run that resumes waits for what is left."""
    clock, place = walk.tools.clock, stand.place
    due_us = place.get("due_us")
    if due_us is None:
        length_us = walk.length_us(step.length, stand.scope, "delay")
        stand.entry.result.update(delay_s=length_us / 1e6, done=not length_us)
        if not length_us:
            return
        due_us = place["due_us"] = clock.now_us() + length_us
        walk.keep(with_trace=True)
    else:
        stand.entry.result.update(due_us=due_us, resumed=True)
        walk.came_late(clock.now_us() - due_us)
    await walk.until(due_us)
    point("runs.delay_over")
    stand.entry.result["done"] = True


async def wait_template(walk: Walk, step: WaitTemplate, stand: Stand) -> None:
    """Wait until a template is true."""
    wait = _Wait(walk, stand, step.continue_on_timeout)
    if not stand.place.get("is_waiting"):
        wait.set_limit(None if step.timeout is None else walk.length_us(step.timeout, stand.scope, "timeout"))
        stand.set("wait", {"remaining": wait.remaining_s(), "completed": False}, is_guarded=True)
    variables = dict(stand.scope.visible())
    if walk.tools.is_as_in_home_assistant:
        _refuse_errors(walk, step, variables)

    def arm(done: Done) -> Stop:
        return walk.tools.armer.watch_template(step.wait_template, variables, lambda: done(None))

    if await wait.ended(arm) is _TIMED_OUT:
        wait.time_out({"remaining": 0.0, "completed": False})
    else:
        wait.complete({"remaining": wait.remaining_s(), "completed": True})


def _refuse_errors(walk: Walk, step: WaitTemplate, variables: Mapping[str, object]) -> None:
    """Raise if the template has an error right away; one that comes later counts as not true."""
    try:
        step.wait_template.render(walk.tools.world, variables)
    except TemplateError as error:
        raise StepFails(str(error)) from error


async def wait_for_trigger(walk: Walk, step: WaitForTrigger, stand: Stand) -> None:
    """Wait until a trigger fires; those that are armed first hear what the steps after arming cause."""
    wait = _Wait(walk, stand, step.continue_on_timeout)
    place = stand.place
    is_resumed = "held" in place
    variables = dict(stand.scope.visible())
    limit_us = None
    if not is_resumed:
        limit_us = None if step.timeout is None else walk.length_us(step.timeout, stand.scope, "timeout")
        shown = None if limit_us is None else limit_us / 1e6
        stand.set("wait", {"remaining": shown, "completed": False, "trigger": None}, is_guarded=True)
        if limit_us == 0 and not step.after_arming:
            wait.time_out({"remaining": 0.0, "completed": False, "trigger": None})
            return
    heard = _Heard()
    walk.run.is_fresh = False
    try:
        disarm = _armed(walk, step, stand, variables, heard, is_resumed=is_resumed)
    except TriggerError as error:
        raise StepFails(str(error), is_passable=False) from error
    try:
        if step.after_arming and "is_waiting" not in place:
            await walk.sequence(step.after_arming, stand.inside(), stand.scope, stand.rounds)
        if "is_waiting" not in place:
            wait.set_limit(
                limit_us
                if not is_resumed or step.timeout is None
                else walk.length_us(step.timeout, stand.scope, "timeout")
            )
        found = await wait.ended(heard.arm)
    finally:
        disarm()
    if isinstance(found, dict):
        wait.complete({"remaining": wait.remaining_s(), "completed": True, "trigger": found})
    else:
        wait.time_out({"remaining": 0.0, "completed": False, "trigger": None})


def _armed(
    walk: Walk,
    step: WaitForTrigger,
    stand: Stand,
    variables: Mapping[str, object],
    heard: _Heard,
    *,
    is_resumed: bool,
) -> Stop:
    tools, place = walk.tools, stand.place
    if not is_resumed:
        disarm = tools.armer.arm(step.triggers, variables, heard.hear)
        if tools.journal.is_durable:
            place["held"] = holding(step.triggers, tools.world, tools.judge, variables)
        return disarm
    stand.entry.result["resumed"] = True
    return arm_again(tools.armer, step.triggers, place["held"], tools.world, variables, heard.hear)


class _Heard:
    """The first firing of the triggers that a wait is armed with, also before anybody waits for it."""

    def __init__(self) -> None:
        self._found: TriggerData | None = None
        self._done: Done | None = None

    def hear(self, data: TriggerData, context: Context) -> None:
        """A trigger has fired."""
        if self._found is None:
            self._found = data
            if self._done is not None:
                self._done(data)

    def arm(self, done: Done) -> Stop:
        """Tell `done` what has been, or will be, heard."""
        self._done = done
        if self._found is not None:
            done(self._found)
        return self._forget

    def _forget(self) -> None:
        self._done = None


class _Wait:
    """What both kinds of wait share: the time limit and how it ends."""

    def __init__(self, walk: Walk, stand: Stand, goes_on: bool) -> None:
        self._walk = walk
        self._stand = stand
        self._goes_on = goes_on
        self._cancel: Cancel = lambda: None

    def set_limit(self, limit_us: int | None) -> None:
        """Begin to wait: from now on a restart keeps the end of the time limit."""
        place = self._stand.place
        place["is_waiting"] = True
        place["due_us"] = None if limit_us is None else self._walk.tools.clock.now_us() + limit_us

    def remaining_s(self) -> float | None:
        """How much of the time limit is left."""
        due_us = self._stand.place.get("due_us")
        return None if due_us is None else max(0.0, (due_us - self._walk.tools.clock.now_us()) / 1e6)

    async def ended(self, arm: _Arm) -> object:
        """Wait for what `arm` tells, or for the end of the time limit."""
        clock, alarms, due_us = self._walk.tools.clock, self._walk.tools.alarms, self._stand.place.get("due_us")

        def begin(done: Done) -> Cancel:
            is_told = False

            def told(value: object = None) -> None:
                nonlocal is_told
                is_told = True
                done(value)

            stop = arm(told)
            if is_told:
                return stop
            if due_us is not None and due_us <= clock.now_us():
                stop()
                done(_TIMED_OUT)
                return stop
            alarm = None if due_us is None else alarms.at(due_us, lambda: done(_TIMED_OUT))
            self._walk.keep(with_trace=True)

            def cancel() -> None:
                stop()
                if alarm is not None:
                    alarm.cancel()

            self._cancel = cancel
            return cancel

        self._walk.run.is_fresh = False
        found = await Pause(begin)
        self._cancel()
        return found

    def complete(self, wait: dict[str, object]) -> None:
        """What was waited for has come."""
        self._stand.set("wait", wait, is_guarded=True)
        self._stand.entry.result.update(completed=True, remaining_s=wait["remaining"])

    def time_out(self, wait: dict[str, object]) -> None:
        """The time is over."""
        self._stand.set("wait", wait, is_guarded=True)
        self._stand.entry.result.update(completed=False, timed_out=True)
        if not self._goes_on:
            raise RunAborts("the wait timed out")
