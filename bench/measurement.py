"""What one measurement is: the work, its sizes, its peer, and the lines that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.arithmetic import Bar, Better

Sizes = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: a figure of our work beside one of the peer's."""

    title: str
    figure: str
    unit: str
    better: Better = Better.MORE
    bar: Bar | None = None
    peer_figure: str | None = None
    """What the peer calls it, when not the same."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One child process of ours in each round, and one of the peer's."""

    name: str
    ours: str
    sizes: Sizes
    quick: Sizes
    lines: tuple[Line, ...]
    home_assistant: str | None = None
    plain: str | None = None
    """A peer that needs nothing but our own Python, so it is always there."""
    plain_name: str = ""
    handed_on: tuple[str, ...] = ()
    """Figures of ours that the peer of the same round gets among its sizes."""
    prepare: str | None = None
    """Work that is done once; every round begins with a copy of the folder that it leaves."""
    needs_disk: bool = False
    """Whether the folder has to be on a disk, not in memory, for the figure to mean anything."""
    rounds_max: int | None = None
    """Fewer rounds than asked for: virtual time gives the same each time, and minutes of real time add up."""
    is_heavy: bool = False
    """Whether it takes minutes: left out unless it is named or all is measured with --full."""
