"""Checks action calls: the action exists, and its data fits its schema as far as it is known before a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import voluptuous as vol

from hub.automation.language.finding import Finding, finding, name_of
from hub.automation.language.model import Call, Runnable, Script, is_static
from hub.core.actions import Action
from hub.core.config import ConfigDict, ConfigErrors, did_you_mean, validate

_OF_SCRIPTS = ("script.turn_on", "script.turn_off", "script.toggle", "script.reload")


def check_call(
    runnable: Runnable, call: Call, actions: Mapping[str, Action], scripts: Mapping[str, Script]
) -> Iterator[Finding]:
    """What is wrong with one call."""
    name = call.action
    if not isinstance(name, str):
        return
    if name in actions:
        yield from _data(runnable, call, actions[name])
        return
    script = scripts.get(name.removeprefix("script.")) if name.startswith("script.") else None
    if script is not None:
        yield from _fields(runnable, call, script)
    elif name not in _OF_SCRIPTS:
        known = [*actions, *(f"script.{each}" for each in scripts)]
        hint = did_you_mean(name, known) or " See `hub action list`."
        yield finding(runnable, "error", f"there is no action {name!r}.{hint}", call.mark, call.path)


def _data(runnable: Runnable, call: Call, action: Action) -> Iterator[Finding]:
    if call.response_variable is not None and action.returns is None:
        message = (
            f"the action {action.name!r} returns nothing, so `response_variable` would stay empty; leave it out"
        )
        yield finding(runnable, "error", message, call.mark, call.path)
    if action.schema is None or not isinstance(call.data, dict) or not isinstance(call.target, dict):
        return
    data = ConfigDict(cast("ConfigDict", call.data))
    if isinstance(call.data, ConfigDict):
        data.file, data.place, data.places = call.data.file, call.data.place, dict(call.data.places)
    data.update(cast("ConfigDict", call.target))
    if isinstance(call.target, ConfigDict) and call.target.file == data.file:
        data.places.update(call.target.places)
    late = {key for key, value in call.data.items() if not is_static(value)} | call.target.keys()
    schema = vol.Schema({key: object if str(key) in late else check for key, check in action.schema.items()})
    where = f"{name_of(runnable)}, {call.path}: data of {action.name}"
    try:
        validate(data, schema, where=where, mark=call.mark)
    except ConfigErrors as found:
        for error in found.errors:
            yield Finding("error", error, runnable.id)


def _fields(runnable: Runnable, call: Call, script: Script) -> Iterator[Finding]:
    if not isinstance(call.data, dict):
        return
    for field in script.fields:
        if field.is_required and field.default is None and field.key not in call.data:
            message = f"the script {script.id!r} needs the field {field.key!r}, and the call does not give it"
            yield finding(runnable, "error", message, call.mark, call.path)
