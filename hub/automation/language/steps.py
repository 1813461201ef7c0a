"""Reads the steps of rules and scripts."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from hub.automation.language import deeds, flow, waits
from hub.automation.language.block import Block
from hub.automation.language.model import Step
from hub.automation.language.reading import Reading, is_template_text
from hub.automation.language.refusals import REFUSED_STEPS
from hub.automation.language.step_parts import Shared, read_shared
from hub.core.config import ConfigDict, ConfigList, did_you_mean
from hub.core.config.show import show


def read_steps(nodes: ConfigList, path: str, reading: Reading) -> tuple[Step, ...]:
    """Steps of a list; those with errors are left out, with the errors recorded."""
    found = []
    for index, node in enumerate(nodes):
        place = f"{path}/{index}"
        if isinstance(node, ConfigDict):
            step = _read_step(Block(node, place, reading))
            if step is not None:
                found.append(step)
            continue
        message = f"a step is a mapping such as `action: notify.staff`, got {show(node)}"
        if is_template_text(node):
            message = (
                "a template that stands alone is no step; to go on only if it is true, write `condition:` before it"
            )
        reading.problems.add(message, nodes.value_mark(index), place)
    return tuple(found)


def _read_step(block: Block) -> Step | None:
    kinds = [key for key in _READERS if key in block]
    if not kinds:
        for key, why in REFUSED_STEPS.items():
            if key in block:
                block.problem(f"the step `{key}` {why}", key)
                return None
        hint = next(filter(None, (did_you_mean(key, _READERS) for key in block.node)), "")
        block.problem(f"this step does nothing; it needs one of {', '.join(_READERS)}.{hint}")
        return None
    if len(kinds) > 1:
        both = " and ".join(f"`{kind}`" for kind in kinds)
        block.problem(f"a step does one thing, and this one has {both}; write them as steps of their own")
        return None
    shared = read_shared(block)
    step = _READERS[kinds[0]](block, shared)
    block.finish()
    return step


_READERS: MappingProxyType[str, Callable[[Block, Shared], Step | None]] = MappingProxyType(
    {
        "action": deeds.read_call,
        "delay": waits.read_delay,
        "wait_template": waits.read_wait_template,
        "wait_for_trigger": waits.read_wait_for_trigger,
        "condition": flow.read_condition_step,
        "choose": flow.read_choose,
        "if": flow.read_if,
        "repeat": flow.read_repeat,
        "parallel": flow.read_parallel,
        "sequence": flow.read_sequence,
        "variables": deeds.read_variables,
        "event": deeds.read_event,
        "stop": deeds.read_stop,
    }
)
