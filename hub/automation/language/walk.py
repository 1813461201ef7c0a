"""Walks everything in a rule or script: triggers, conditions, steps, and the templates in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TypeAlias, cast

from hub.automation.language.model import (
    Branch,
    Condition,
    Option,
    Part,
    Runnable,
    Step,
    Trigger,
)
from hub.automation.templates import Template

AnyPart: TypeAlias = Trigger | Condition | Step | Option | Branch


def parts_of(whole: Runnable | Part | Option | Branch) -> Iterator[AnyPart]:
    """Every trigger, condition and step in a rule, script or part, each before what it holds; not itself."""
    for field in fields(whole):
        value = getattr(whole, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Part | Option | Branch):
                yield cast("AnyPart", item)
                yield from parts_of(item)


def templates_of(part: AnyPart | Runnable) -> Iterator[Template]:
    """The templates of one part itself, not of the parts inside it."""
    for field in fields(part):
        if field.name not in ("content", "mark"):
            yield from _templates_in(getattr(part, field.name))


def _templates_in(value: object) -> Iterator[Template]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _templates_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _templates_in(item)
    elif isinstance(value, Template):
        yield value
