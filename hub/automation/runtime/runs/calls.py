"""The step that calls an action: rendered once, written down, called under its key, and its response kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from types import CoroutineType
from typing import Any, cast

from hub.automation.language.model import Call
from hub.automation.runtime.runs.calling import MISTAKES, Asked
from hub.automation.runtime.runs.outcomes import RunAborts, StepFails
from hub.automation.runtime.runs.places import Pinned
from hub.automation.runtime.runs.run import Question
from hub.automation.runtime.runs.strands import Cancel, Done, Pause, Raised
from hub.automation.runtime.runs.tools import nothing_to_cancel
from hub.automation.runtime.runs.walk import Stand, Walk
from hub.automation.templates import TemplateError
from hub.core.actions import UnknownOutcome
from hub.core.errors import HubError
from hub.core.faultpoints import point

log = logging.getLogger(__name__)

LISTED = ("entity_id", "area_id", "label_id", "device_id", "floor_id")
"""What a target names is always a list; `all` and `none` are words of Home Assistant's."""


async def call(walk: Walk, step: Call, stand: Stand) -> None:
    """Call an action; whatever it raises is the step's error."""
    run, place = walk.run, stand.place
    pinned = place.get("call")
    if pinned is None:
        pinned = place["call"] = _pinned(walk, step, stand)
    stand.entry.result.update(pinned)
    asked = Asked(
        run.root, run.id, step.path, f"{run.id}/{step.path}{stand.rounds}", pinned["action"], pinned["data"],
        step.response_variable is not None, run.is_resumed,
        cast(Any, step.on_unknown if step.on_unknown in ("repeat", "skip") else "raise"),
    )  # fmt: skip
    await walk.kept()
    point("runs.before_call")
    walk.tools.on_call(asked)
    run.is_fresh = False
    response = await _response(walk, step, stand, asked)
    point("runs.after_call")
    run.is_resumed = False
    if step.response_variable is not None:
        if not isinstance(response, Mapping):
            got = str(response)[:100]
            raise StepFails(f"{asked.action}: `response_variable` needs a response that is a mapping, got {got!r}")
        stand.set(step.response_variable, response)


def _pinned(walk: Walk, step: Call, stand: Stand) -> Pinned:
    """The call with its templates rendered; an error in one is an error that `continue_on_error` passes over."""
    program = walk.run.program
    if not program.is_settled(step):
        walk.run.is_fresh = False
    if program.is_plain(step):
        return {"action": cast("str", step.action), "data": cast("dict[str, object]", step.data).copy()}
    try:
        action = str(walk.render(step.action, stand.scope)).strip().lower()
        data, target = walk.render(step.data, stand.scope), walk.render(step.target, stand.scope)
    except (TemplateError, ValueError) as error:
        raise StepFails(str(error)) from error
    for what, value in (("data", data), ("target", target)):
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise StepFails(f"{action}: the template of `{what}` must give a mapping, got {str(value)[:100]!r}")
    domain, dot, name = action.partition(".")
    if not (domain and dot and name):
        raise StepFails(f"the template of `action` must give a name such as notify.staff, got {action[:100]!r}")
    return {"action": action, "data": {**data, **{key: _listed(key, value) for key, value in target.items()}}}


def _listed(key: str, value: object) -> object:
    if key not in LISTED or not isinstance(value, str):
        return value
    if key != "entity_id":
        return [value]
    text = value.strip().lower()
    return text if text in ("all", "none") else [part.strip() for part in text.split(",")]


async def _response(walk: Walk, step: Call, stand: Stand, asked: Asked) -> object:
    """The response; when nobody knows whether an unsafe action took effect, the step says what then."""
    while True:
        try:
            return await Pause(partial(_begin, walk, asked))
        except UnknownOutcome as error:
            if step.on_unknown == "stop":
                raise RunAborts(str(error)) from error
            choice = await _decided(walk, step, stand, str(error))
            stand.entry.result["decided"] = choice
            asked = asked._replace(on_unknown=cast(Any, choice))
        except StepFails:
            raise
        except MISTAKES as error:
            raise StepFails(f"{asked.action}: {_without_name(error, asked)}", is_passable=False) from error
        except HubError as error:
            raise StepFails(f"{asked.action}: {_without_name(error, asked)}") from error
        except Exception as error:
            log.exception("action %s, called by %s, failed", asked.action, asked.key)
            raise StepFails(f"{asked.action}: {type(error).__name__}: {error}") from error


def _without_name(error: Exception, asked: Asked) -> str:
    return str(error).removeprefix(f"{asked.action}: ")


def _begin(walk: Walk, asked: Asked, done: Done) -> Cancel:
    """Make the call: one of the engine's own, or anybody else's."""
    try:
        own = walk.tools.own_actions.begin(walk.run, asked, done)
        if own is not None:
            return own
        response = walk.tools.caller.call(asked)
    except Exception as error:  # noqa: BLE001 - it is raised where the run awaits the response
        done(Raised(error))
        return nothing_to_cancel
    if isinstance(response, CoroutineType):
        return walk.tools.workers.submit(response, done)
    done(response)
    return nothing_to_cancel


async def _decided(walk: Walk, step: Call, stand: Stand, text: str) -> object:
    """Wait for a person to say whether the call is made again or passed over."""
    question = Question("unknown", text, walk.tools.clock.now_us(), f"{step.path}{stand.rounds}")
    return await Pause(lambda done: walk.tools.people.ask(walk.run, question, done))
