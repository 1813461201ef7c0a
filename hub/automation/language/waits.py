"""Reads the steps that wait: delay, wait_template, wait_for_trigger."""

from __future__ import annotations

from hub.automation.language.block import Block
from hub.automation.language.model import Delay, Step, WaitForTrigger, WaitTemplate
from hub.automation.language.step_parts import Shared, steps_at
from hub.automation.language.triggers import read_triggers
from hub.core.config import ConfigList


def read_delay(block: Block, shared: Shared) -> Step | None:
    """`delay:`."""
    length = block.length("delay")
    return None if length is None else Delay(**shared, length=length)


def read_wait_template(block: Block, shared: Shared) -> Step | None:
    """`wait_template:` with its time limit."""
    template = block.template("wait_template")
    timeout, goes_on = block.length("timeout"), block.flag("continue_on_timeout", default=True)
    if template is None:
        return None
    return WaitTemplate(**shared, wait_template=template, timeout=timeout, continue_on_timeout=goes_on)


def read_wait_for_trigger(block: Block, shared: Shared) -> Step | None:
    """`wait_for_trigger:` with its time limit and what is done once it is armed."""
    nodes = block.raw("wait_for_trigger")
    path = f"{block.path}/wait_for_trigger"
    triggers = read_triggers(nodes, path, block.reading) if isinstance(nodes, ConfigList) else ()
    if not nodes:
        block.problem("`wait_for_trigger` names no trigger; it would wait for ever", "wait_for_trigger")
    return WaitForTrigger(
        **shared,
        triggers=triggers,
        after_arming=steps_at(block, "after_arming"),
        timeout=block.length("timeout"),
        continue_on_timeout=block.flag("continue_on_timeout", default=True),
    )
