"""Profiles made up for tests of the field layer's pure parts."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hub.contracts.links import Function
from hub.contracts.profiles import Capabilities, LinkDefaults, Point, Profile, Range, Status, WordType

HOLDING = Function.READ_HOLDING_REGISTERS


def point(name: str, address: int, count: int = 2, function: Function = HOLDING) -> Point:
    return Point(name=name, function=function, address=address, count=count, type=WordType.F32)


def span(first: int, last: int, function: Function = HOLDING) -> Range:
    return Range(function=function, first=first, last=last)


def profile(
    points: Iterable[Point],
    *,
    registers_max: int = 125,
    gaps_proven: Iterable[Range] = (),
    forbidden: Iterable[Range] = (),
) -> Profile:
    return Profile(
        id="made_up",
        vendor="nobody",
        models=("X",),
        status=Status.DOCUMENTED,
        source="made up",
        notes="",
        link=LinkDefaults(turn_s=Decimal("0.02")),
        capabilities=Capabilities(functions=frozenset(Function), registers_max=registers_max),
        identity=None,
        points=tuple(points),
        relay=None,
        actions={},
        deny=(),
        gaps_proven=tuple(gaps_proven),
        forbidden=tuple(forbidden),
        frames=(),
    )
