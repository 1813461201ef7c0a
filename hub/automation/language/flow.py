"""Reads the steps that hold other steps or decide: condition, choose, if, repeat, parallel, sequence."""

from __future__ import annotations

from hub.automation.language.block import Block
from hub.automation.language.conditions import read_condition
from hub.automation.language.model import (
    Branch,
    Choose,
    ConditionStep,
    If,
    Option,
    Parallel,
    Repeat,
    Sequence,
    Step,
    Value,
)
from hub.automation.language.reading import is_template_text
from hub.automation.language.step_parts import Shared, conditions_at, read_shared, steps_at
from hub.automation.templates import Template
from hub.core.config import ConfigDict, ConfigList
from hub.core.config.show import show

_HOW_OFTEN = ("count", "for_each", "while", "until")


def read_condition_step(block: Block, shared: Shared) -> Step | None:
    """A condition as a step."""
    # The step itself may be turned off; the condition inside it then never counts.
    condition = read_condition(block, f"{block.path}/condition")
    return None if condition is None else ConditionStep(**shared, condition=condition)


def read_choose(block: Block, shared: Shared) -> Step | None:
    """`choose:` with its options and default."""
    options = []
    nodes = block.raw("choose")
    for index, node in enumerate(nodes if isinstance(nodes, ConfigList) else ()):
        if not isinstance(node, ConfigDict):
            block.problem(f"an option is a mapping with conditions and sequence, got {show(node)}", "choose")
            continue
        option = Block(node, f"{block.path}/choose/{index}", block.reading)
        option.require("conditions")
        option.require("sequence")
        options.append(
            Option(
                path=option.path,
                conditions=conditions_at(option, "conditions"),
                sequence=steps_at(option, "sequence"),
                alias=option.text("alias"),
                mark=option.mark,
            )
        )
        option.finish()
    return Choose(**shared, options=tuple(options), default=steps_at(block, "default"))


def read_if(block: Block, shared: Shared) -> Step | None:
    """`if:` with then and else."""
    block.require("then")
    return If(
        **shared,
        conditions=conditions_at(block, "if"),
        then=steps_at(block, "then"),
        else_=steps_at(block, "else"),
    )


def read_repeat(block: Block, shared: Shared) -> Step | None:
    """`repeat:` with its sequence and exactly one way to end."""
    node = block.take("repeat")
    if not isinstance(node, ConfigDict):
        if node is not None:
            block.problem(f"`repeat` must be a mapping with a sequence, got {show(node)}", "repeat")
        return None
    inner = Block(node, f"{block.path}/repeat", block.reading)
    ways = [key for key in _HOW_OFTEN if key in inner]
    inner.require(*_HOW_OFTEN)
    inner.require("sequence")
    if len(ways) > 1:
        listed = " and ".join(f"`{key}`" for key in ways)
        inner.problem(f"{listed} say twice how often; write one of them", ways[1])
    for key in ("while", "until"):
        if key in inner and not inner.node[key]:
            inner.problem(f"`{key}` holds no condition, so nothing would end the loop", key)
    step = Repeat(
        **shared,
        sequence=steps_at(inner, "sequence"),
        count=_count(inner),
        for_each=_for_each(inner),
        while_=conditions_at(inner, "while") if "while" in inner else None,
        until=conditions_at(inner, "until") if "until" in inner else None,
    )
    inner.finish(_HOW_OFTEN)
    return step


def _count(block: Block) -> int | Template | None:
    if "count" not in block:
        return None
    if is_template_text(block.node["count"]):
        return block.template("count")
    return block.integer("count", 0)


def _for_each(block: Block) -> list[Value] | Template | None:
    if "for_each" not in block:
        return None
    node = block.node["for_each"]
    if is_template_text(node):
        return block.template("for_each")
    if isinstance(node, ConfigList):
        found = block.value("for_each")
        return found if isinstance(found, list) else None
    if block.take("for_each") is not None:
        block.problem(f"`for_each` must be a list or a template of one, got {show(node)}", "for_each")
    return None


def read_parallel(block: Block, shared: Shared) -> Step | None:
    """`parallel:` with its branches."""
    branches = []
    nodes = block.raw("parallel")
    for index, node in enumerate(nodes if isinstance(nodes, ConfigList) else ()):
        if isinstance(node, ConfigDict):
            branch = Block(node, f"{block.path}/parallel/{index}", block.reading)
            branches.append(Branch(**read_shared(branch), sequence=steps_at(branch, "sequence")))
            branch.finish()
    return Parallel(**shared, branches=tuple(branches))


def read_sequence(block: Block, shared: Shared) -> Step | None:
    """`sequence:` as one step."""
    return Sequence(**shared, sequence=steps_at(block, "sequence"))
