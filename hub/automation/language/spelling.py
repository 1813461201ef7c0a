"""Both spellings to one: what Home Assistant called `platform` or `service`, and its short forms, in today's words.

The readers and a rule's content know only the result. Reading content again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from hub.automation.language.reading import Problems, is_template_text
from hub.core.config import ConfigDict, ConfigList, ConfigValue, Mark

_LOGIC = ("and", "or", "not")
_BRANCH_KEYS = frozenset(("sequence", "alias", "enabled", "continue_on_error"))
_Each: TypeAlias = Callable[[ConfigValue, Problems], ConfigValue]


def respell_rule(node: ConfigDict, problems: Problems) -> ConfigDict:
    """A rule in today's words."""
    renamed = {"trigger": "triggers", "condition": "conditions", "action": "actions"}
    rule = _renamed(node, renamed, problems, dropped=("hide_entity",))
    if "triggers" in rule:
        rule["triggers"] = respell_triggers(_listed(rule, "triggers"), problems)
    _each(rule, "conditions", respell_condition, problems)
    _each(rule, "actions", respell_step, problems)
    return rule


def respell_script(node: ConfigDict, problems: Problems) -> ConfigDict:
    """A script in today's words."""
    script = _renamed(node, {}, problems, dropped=("icon",))
    _each(script, "sequence", respell_step, problems)
    return script


def respell_triggers(nodes: ConfigList, problems: Problems) -> ConfigList:
    """A list of triggers, with those of sub-lists in their place."""
    flat = _like(nodes)
    for index, node in enumerate(nodes):
        if isinstance(node, ConfigDict) and "triggers" in node and len(node) == 1:
            inner = respell_triggers(_listed(node, "triggers"), problems)
            for position, item in enumerate(inner):
                _append(flat, item, inner.value_mark(position))
            continue
        if isinstance(node, ConfigDict):
            node = _renamed(node, {"platform": "trigger"}, problems)
        _append(flat, node, nodes.value_mark(index))
    return flat


def respell_condition(node: ConfigValue, problems: Problems) -> ConfigValue:
    """A condition in today's words, its short forms spelled out."""
    if isinstance(node, str) and is_template_text(node):
        return ConfigDict({"condition": "template", "value_template": node})
    if not isinstance(node, ConfigDict):
        return node
    condition = _renamed(node, {}, problems)
    if "conditions" not in condition:
        short = [word for word in _LOGIC if word in condition]
        if len(short) == 1 and "condition" not in condition:
            condition = _of_kind(short[0], _renamed(condition, {short[0]: "conditions"}, problems))
        elif isinstance(condition.get("condition"), ConfigList):
            condition = _of_kind("and", _renamed(condition, {"condition": "conditions"}, problems))
        elif is_template_text(condition.get("condition")):
            condition = _of_kind("template", _renamed(condition, {"condition": "value_template"}, problems))
    _each(condition, "conditions", respell_condition, problems)
    return condition


def _of_kind(kind: str, node: ConfigDict) -> ConfigDict:
    """The condition with its kind in front, where the long form has it."""
    condition = ConfigDict({"condition": kind, **node})
    condition.file, condition.place, condition.places = node.file, node.place, node.places
    return condition


def respell_step(node: ConfigValue, problems: Problems) -> ConfigValue:
    """A step in today's words, with all steps inside it."""
    if not isinstance(node, ConfigDict):
        return node
    if "condition" in node or any(word in node for word in _LOGIC):
        return respell_condition(node, problems)
    if "service" in node or "action" in node or "service_template" in node:
        return _call(node, problems)
    step = _renamed(node, {"event_data_template": "event_data"} if "event" in node else {}, problems)
    _each(step, "if", respell_condition, problems)
    for key in ("then", "else", "default", "sequence", "after_arming"):
        _each(step, key, respell_step, problems)
    if "wait_for_trigger" in step:
        step["wait_for_trigger"] = respell_triggers(_listed(step, "wait_for_trigger"), problems)
    _each(step, "choose", _option, problems)
    _each(step, "parallel", _branch, problems)
    repeat = step.get("repeat")
    if isinstance(repeat, ConfigDict):
        repeat = _renamed(repeat, {}, problems)
        _each(repeat, "while", respell_condition, problems)
        _each(repeat, "until", respell_condition, problems)
        _each(repeat, "sequence", respell_step, problems)
        step["repeat"] = repeat
    return step


def _option(node: ConfigValue, problems: Problems) -> ConfigValue:
    if not isinstance(node, ConfigDict):
        return node
    option = _renamed(node, {}, problems)
    _each(option, "conditions", respell_condition, problems)
    _each(option, "sequence", respell_step, problems)
    return option


def _branch(node: ConfigValue, problems: Problems) -> ConfigValue:
    """A branch is a mapping with a sequence; a single step or a list of steps stands for one."""
    if isinstance(node, ConfigDict) and node.keys() <= _BRANCH_KEYS and "sequence" in node:
        branch = _renamed(node, {}, problems)
    else:
        branch = ConfigDict({"sequence": node})
        if isinstance(node, ConfigDict | ConfigList):
            branch.file, branch.place = node.file, node.place
            if node.place is not None:
                branch.places = {"sequence": (node.place, node.place)}
    _each(branch, "sequence", respell_step, problems)
    return branch


def _call(node: ConfigDict, problems: Problems) -> ConfigDict:
    old = {"service": "action", "service_template": "action"}
    if not ("data" in node and "data_template" in node):
        old["data_template"] = "data"
    call = _renamed(node, old, problems, dropped=("metadata",))
    _merge(call, "data", "data_template")
    if "entity_id" in call:
        target = call.get("target")
        if target is None or isinstance(target, ConfigDict):
            merged = ConfigDict() if target is None else _copied(target)
            key_mark, mark = call.key_mark("entity_id"), call.value_mark("entity_id")
            merged["entity_id"] = call.pop("entity_id")
            if key_mark is not None and mark is not None:
                merged.places["entity_id"] = (key_mark, mark)
                merged.place = key_mark if merged.place is None else merged.place
            call["target"] = merged
    return call


def _merge(call: ConfigDict, key: str, old: str) -> None:
    """Home Assistant lets both be written; the old one wins where they meet."""
    newer, older = call.get(key), call.get(old)
    if isinstance(newer, ConfigDict) and isinstance(older, ConfigDict):
        merged = _copied(newer)
        for name, value in older.items():
            merged[name] = value
            mark, key_mark = older.value_mark(name), older.key_mark(name)
            if mark is not None and key_mark is not None:
                merged.places[name] = (key_mark, mark)
        call[key] = merged
        del call[old]


def _renamed(
    node: ConfigDict, names: dict[str, str], problems: Problems, dropped: tuple[str, ...] = ()
) -> ConfigDict:
    """A copy with old keys under their new names; both at once is an error."""
    if node.keys().isdisjoint(names) and node.keys().isdisjoint(dropped):
        return _copied(node)
    copy = ConfigDict()
    copy.file, copy.place = node.file, node.place
    for key, value in node.items():
        if key in dropped:
            continue
        name = names.get(key, key)
        if name in copy or (name != key and name in node):
            other = name if name in node else next(k for k in node if names.get(k) == name)
            problems.add(f"`{key}` is the old word for `{other}`; write one of them", node.key_mark(key))
            continue
        copy[name] = value
        places = node.places.get(key)
        if places is not None:
            copy.places[name] = places
    return copy


def _copied(node: ConfigDict) -> ConfigDict:
    copy = ConfigDict(node)
    copy.file, copy.place, copy.places = node.file, node.place, dict(node.places)
    return copy


def _each(node: ConfigDict, key: str, respell: _Each, problems: Problems) -> None:
    """Make the value of a key a list, and respell what it holds; each item knows its place."""
    if key not in node:
        return
    items = _listed(node, key)
    made = _like(items)
    for index, item in enumerate(items):
        mark = items.value_mark(index)
        respelled = respell(item, problems)
        if isinstance(respelled, ConfigDict) and respelled.place is None:
            respelled.place = mark
        _append(made, respelled, mark)
    node[key] = made


def _listed(node: ConfigDict, key: str) -> ConfigList:
    """The value of a key as a list: nothing is none, a single value one."""
    value = node[key]
    if isinstance(value, ConfigList):
        return value
    made = ConfigList([] if value is None else [value])
    made.file = node.file
    places = node.places.get(key)
    if places is not None:
        made.place = places[1]
        made.places = [places[1]] * len(made)
    return made


def _like(items: ConfigList) -> ConfigList:
    made = ConfigList()
    made.file, made.place = items.file, items.place
    return made


def _append(items: ConfigList, value: ConfigValue, mark: Mark | None) -> None:
    items.append(value)
    if mark is not None:
        items.places.append(mark)
