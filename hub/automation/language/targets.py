"""Reads which entities a trigger or condition is about: ids, globs, areas and labels."""

from __future__ import annotations

import re

import voluptuous as vol

from hub.automation.language.block import Block
from hub.automation.language.model import Targets
from hub.automation.language.reading import is_template_text
from hub.core.config import ConfigDict
from hub.core.config.fields import entity_id
from hub.core.config.show import show
from hub.core.selectors import Selector

_WILD = frozenset("*?[")
_GLOB = re.compile(r"[a-z0-9_*?\[\]!-]+\.[a-z0-9_*?\[\]!-]+|\*")
_REGISTRY_ID = re.compile(r"[0-9a-f]{32}")


def read_targets(block: Block) -> Targets | None:
    """The targets in `entity_id` or `target`; None with its errors recorded."""
    if "target" in block:
        if "entity_id" in block:
            block.problem("write the entities under `target`, not beside it too", "entity_id")
            block.raw("entity_id")
        return _in_target(block)
    if not block.require("entity_id", "target"):
        block.raw("entity_id")
        return None
    ids, globs = _ids_and_globs(block)
    return Targets(Selector(ids, globs)) if ids or globs else None


def entity_at(block: Block, key: str) -> str | None:
    """The id of one entity."""
    value = block.take(key)
    if value is None:
        return None
    try:
        return entity_id(value.strip().lower() if isinstance(value, str) else value)
    except vol.Invalid as error:
        block.problem(f"`{key}`: {error.msg}", key)
        return None


def _in_target(block: Block) -> Targets | None:
    node = block.take("target")
    if not isinstance(node, ConfigDict):
        if node is not None:
            block.problem(
                f"`target` must be a mapping with entity_id, area_id or label_id, got {show(node)}", "target"
            )
        return None
    target = Block(node, f"{block.path}/target", block.reading)
    ids, globs = _ids_and_globs(target) if "entity_id" in target else ((), ())
    areas, labels, only = target.texts("area_id"), target.texts("label_id"), target.texts("only")
    for key in ("floor_id", "device_id"):
        if key in target:
            target.raw(key)
            target.problem(f"`{key}` does not exist here; name an area that holds the entities, or a label", key)
    target.require("entity_id", "area_id", "label_id")
    if only and not (areas or labels):
        target.problem("`only` narrows areas and labels, and there are none; write the globs as entity_id", "only")
    for glob in only:
        if not _GLOB.fullmatch(glob):
            target.problem(f"`only` takes globs such as sensor.*_balance, got {show(glob)}", "only")
    target.finish(("entity_id",))
    return Targets(Selector(ids, globs, areas, labels), only) if ids or globs or areas or labels else None


def _ids_and_globs(block: Block) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ids: list[str] = []
    globs: list[str] = []
    items = block.items("entity_id")
    if not items and block.node.get("entity_id") is not None:
        block.problem("`entity_id` is an empty list; name at least one entity", "entity_id")
    for index, item in enumerate(items):
        listed = block.node.get("entity_id")
        mark = listed.value_mark(index) if hasattr(listed, "value_mark") and isinstance(listed, list) else None
        for text in item.split(",") if isinstance(item, str) else [item]:
            cleaned = text.strip().lower() if isinstance(text, str) else text
            try:
                if isinstance(cleaned, str) and _WILD & set(cleaned) and _GLOB.fullmatch(cleaned):
                    globs.append(cleaned)
                else:
                    ids.append(entity_id(cleaned))
            except vol.Invalid as error:
                message = _why_not(cleaned) or str(error.msg)
                block.reading.problems.add(message, mark or block.mark_of("entity_id"), block.path)
    return tuple(dict.fromkeys(ids)), tuple(dict.fromkeys(globs))


def _why_not(text: object) -> str | None:
    if is_template_text(text):
        return "the entities of a trigger or condition cannot be a template; use a glob, an area or a label"
    if isinstance(text, str) and _REGISTRY_ID.fullmatch(text):
        return f"{text!r} is an id of Home Assistant's entity registry; write the entity id, such as sensor.hall"
    return None
