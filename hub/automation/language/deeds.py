"""Reads the steps that do something at once: call, event, variables, stop."""

from __future__ import annotations

import re
from typing import cast, get_args

from hub.automation.language.block import Block
from hub.automation.language.model import Call, FireEvent, OnUnknown, SetVariables, Step, Stop, Value
from hub.automation.language.reading import is_template_text
from hub.automation.language.step_parts import Shared
from hub.automation.templates import Template
from hub.core.config import ConfigDict
from hub.core.config.show import show

_ACTION = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TARGET_KEYS = ("entity_id", "area_id", "label_id", "device_id", "floor_id")


def read_call(block: Block, shared: Shared) -> Step | None:
    """`action:` with its data and target."""
    action = _action(block)
    data, target = _data(block), _target(block)
    response_variable = variable_at(block, "response_variable")
    on_unknown = cast("OnUnknown", block.choice("on_unknown", get_args(OnUnknown), "ask"))
    if action is None:
        return None
    return Call(
        **shared,
        action=action,
        data=data,
        target=target,
        response_variable=response_variable,
        on_unknown=on_unknown,
    )


def _action(block: Block) -> str | Template | None:
    if is_template_text(block.node["action"]):
        return block.template("action")
    name = block.text("action").strip().lower()
    if name and not _ACTION.fullmatch(name):
        block.problem(f"`action` is a name such as notify.staff, got {show(name)}", "action")
        return None
    return name or None


def _data(block: Block) -> dict[str, Value] | Template:
    if "data_template" in block:
        block.problem("`data` and `data_template` cannot be joined; write one `data`", "data_template")
        block.raw("data_template")
    if is_template_text(block.node.get("data")):
        return block.template("data") or {}
    return block.values("data")


def _target(block: Block) -> dict[str, Value] | Template:
    if is_template_text(block.node.get("target")):
        return block.template("target") or {}
    found = block.values("target")
    node = block.node.get("target")
    if isinstance(node, ConfigDict):
        inner = Block(node, f"{block.path}/target", block.reading)
        for key in _TARGET_KEYS:
            inner.raw(key)
        inner.finish()
    entities = found.get("entity_id")
    if isinstance(entities, str):
        found["entity_id"] = [text.strip().lower() for text in entities.split(",")]
    elif isinstance(entities, list):
        found["entity_id"] = [text.strip().lower() if isinstance(text, str) else text for text in entities]
    return found


def read_event(block: Block, shared: Shared) -> Step | None:
    """`event:` with its data."""
    event = block.text("event")
    event_data = block.values("event_data")
    return FireEvent(**shared, event=event, event_data=event_data) if event else None


def read_variables(block: Block, shared: Shared) -> Step | None:
    """`variables:`."""
    return SetVariables(**shared, variables=variables_at(block, "variables"))


def read_stop(block: Block, shared: Shared) -> Step | None:
    """`stop:` with its reason."""
    reason = block.text("stop") if block.node["stop"] is not None else str(block.raw("stop") or "")
    is_error = block.flag("error", default=False)
    if "error" in block and "response_variable" in block:
        block.problem("a stop gives an error or a response, not both; leave one out", "response_variable")
    return Stop(
        **shared, reason=reason, is_error=is_error, response_variable=variable_at(block, "response_variable")
    )


def variables_at(block: Block, key: str) -> dict[str, Value]:
    """Variables by name, with templates anywhere in their values."""
    found = block.values(key)
    node = block.node.get(key)
    for name in found:
        if not _VARIABLE.fullmatch(name):
            mark = node.key_mark(name) if isinstance(node, ConfigDict) else None
            message = f"{show(name)} cannot name a variable; use letters, digits and _"
            block.reading.problems.add(message, mark, block.path)
    return found


def variable_at(block: Block, key: str) -> str | None:
    """The name of one variable."""
    name = block.text(key) or None
    if name is not None and not _VARIABLE.fullmatch(name):
        block.problem(f"`{key}`: {show(name)} cannot name a variable; use letters, digits and _", key)
    return name
