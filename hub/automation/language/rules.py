"""Reads whole rules and scripts from their mappings in today's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypedDict, cast, get_args

from hub.automation.language.block import Block
from hub.automation.language.content import as_text, version_of
from hub.automation.language.deeds import variables_at
from hub.automation.language.model import (
    NumericTrigger,
    OnRestart,
    Plain,
    Rule,
    RunLimit,
    RunMode,
    RunPer,
    Script,
    ScriptField,
    Severity,
    StateTrigger,
    Trigger,
    Value,
)
from hub.automation.language.reading import Reading
from hub.automation.language.step_parts import conditions_at, steps_at
from hub.automation.language.triggers import read_triggers
from hub.core.config import ConfigDict, ConfigList, Mark
from hub.core.config.show import show

_UNITS_S = MappingProxyType({"second": 1, "minute": 60, "hour": 3_600, "day": 86_400})
_SLUG_ENDS = re.compile(r"[^a-z0-9]+")
_ID_LENGTH_MAX = 255


class _Shared(TypedDict):
    alias: str
    description: str
    mode: RunMode
    max: int
    max_exceeded: Severity
    variables: Mapping[str, Value]
    stored_traces: int
    on_restart: OnRestart
    max_late_s: int | None
    max_runs_per: RunLimit | None
    blueprint: str | None
    mark: Mark | None
    content: str
    settings: frozenset[str]
    version: str


def read_rule(node: ConfigDict, reading: Reading, blueprint: str | None = None) -> Rule:
    """A rule; where a part of it is wrong, the error is recorded and the part left out."""
    block = Block(node, "", reading)
    shared = _read_shared(block, blueprint)
    triggers = _triggers(block)
    block.require("actions")
    rule = Rule(
        **shared,
        id=_rule_id(block, triggers, shared["version"]),
        triggers=triggers,
        conditions=conditions_at(block, "conditions"),
        actions=steps_at(block, "actions"),
        trigger_variables=block.values("trigger_variables", limited=True),
        initial_state=block.flag("initial_state", default=True) if "initial_state" in block else None,
        run_per=cast("RunPer", block.choice("run_per", get_args(RunPer), _run_per(triggers))),
        catch_up_s=_seconds(block, "catch_up", 900) or 0,
    )
    block.finish()
    return rule


def _triggers(block: Block) -> tuple[Trigger, ...]:
    nodes = block.raw("triggers")
    if not isinstance(nodes, ConfigList) or not nodes:
        block.problem("`triggers` is missing; a rule without one never runs. What is only called is a script")
        return ()
    return read_triggers(nodes, "triggers", block.reading)


def _rule_id(block: Block, triggers: tuple[Trigger, ...], version: str) -> str:
    """The id as given, else one made of the alias; a rule with thresholds must have its own."""
    if "id" in block:
        given = block.text("id")
        if not given or len(given) > _ID_LENGTH_MAX or not given.isprintable():
            block.problem(f"`id` must be a short text of visible characters, got {show(given)}", "id")
        return given
    block.raw("id")
    if any(isinstance(trigger, NumericTrigger) for trigger in triggers):
        block.problem("`id` is missing; a rule with a threshold needs one, since its latches are kept under it")
    alias = _SLUG_ENDS.sub("_", str(block.node.get("alias") or "").lower()).strip("_")
    return alias or f"rule_{version[:8]}"


def _run_per(triggers: tuple[Trigger, ...]) -> RunPer:
    """By default, one rule over many entities by our own target forms runs for each of them on its own."""
    targets = [trigger.targets for trigger in triggers if isinstance(trigger, StateTrigger | NumericTrigger)]
    return "rule" if all(target.is_explicit for target in targets) else "entity"


def read_script(name: str, node: ConfigDict, reading: Reading, blueprint: str | None = None) -> Script:
    """A script; where a part of it is wrong, the error is recorded and the part left out."""
    block = Block(node, "", reading)
    shared = _read_shared(block, blueprint)
    block.require("sequence")
    script = Script(**shared, id=name, sequence=steps_at(block, "sequence"), fields=_fields(block))
    block.finish()
    return script


def _fields(block: Block) -> tuple[ScriptField, ...]:
    nodes = block.raw("fields")
    found = []
    for key, node in nodes.items() if isinstance(nodes, ConfigDict) else ():
        field = Block(node if isinstance(node, ConfigDict) else ConfigDict(), f"fields/{key}", block.reading)
        selector = field.raw("selector")
        found.append(
            ScriptField(
                key=key,
                name=field.text("name"),
                description=field.text("description"),
                is_required=field.flag("required", default=False),
                default=field.plain(field.raw("default"), field.mark_of("default")),
                example=field.plain(field.raw("example"), field.mark_of("example")),
                selector=cast("Mapping[str, Plain]", selector) if isinstance(selector, ConfigDict) else None,
            )
        )
        field.finish(("advanced",))
    return tuple(found)


def _read_shared(block: Block, blueprint: str | None) -> _Shared:
    content = _content(block)
    return _Shared(
        alias=block.text("alias"),
        description=block.text("description") if block.node.get("description") is not None else "",
        mode=cast("RunMode", block.choice("mode", get_args(RunMode), "single")),
        max=block.integer("max", 10, least=1),
        max_exceeded=cast("Severity", block.choice("max_exceeded", get_args(Severity), "warning")),
        variables=variables_at(block, "variables"),
        stored_traces=_stored_traces(block),
        on_restart=cast("OnRestart", block.choice("on_restart", get_args(OnRestart), "resume")),
        max_late_s=_seconds(block, "max_late", None),
        max_runs_per=_run_limit(block),
        blueprint=blueprint,
        mark=block.mark,
        content=content,
        settings=frozenset(block.node),
        version=version_of(content),
    )


def _content(block: Block) -> str:
    try:
        return as_text(block.node)
    except (TypeError, ValueError) as error:
        if "$" in str(error):  # infinite numbers are reported where they stand
            block.problem(str(error))
        return ""


def _stored_traces(block: Block) -> int:
    node = block.raw("trace")
    if node is None:
        return 5
    if not isinstance(node, ConfigDict):
        block.problem(f"`trace` must be a mapping with stored_traces, got {show(node)}", "trace")
        return 5
    trace = Block(node, "trace", block.reading)
    stored = trace.integer("stored_traces", 5)
    trace.finish()
    return stored


def _seconds(block: Block, key: str, default: int | None) -> int | None:
    found = block.seconds(key)
    return default if found is None else found


def _run_limit(block: Block) -> RunLimit | None:
    """`max_runs_per: {minute: 30}`."""
    node = block.take("max_runs_per")
    if node is None:
        return None
    units = [unit for unit in _UNITS_S if isinstance(node, ConfigDict) and unit in node]
    if not isinstance(node, ConfigDict) or len(units) != 1:
        listed = ", ".join(_UNITS_S)
        block.problem(f"`max_runs_per` is a mapping such as {{minute: 30}} with one of {listed}", "max_runs_per")
        return None
    inner = Block(node, "max_runs_per", block.reading)
    limit = RunLimit(inner.integer(units[0], 1, least=1), _UNITS_S[units[0]])
    inner.finish()
    return limit
