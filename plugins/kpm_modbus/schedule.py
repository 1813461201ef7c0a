"""What a bus does next: commands ahead of all, polls by the earliest deadline, probes of dead meters in between.

A pure structure over monotonic seconds; the bus worker asks it and carries out. Polls keep a fixed phase: one that
came late is done once and counted, never piled up.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import count
from math import ceil
from typing import Generic, TypeVar

J = TypeVar("J")

DUE_SLACK_S = 1e-6
"""What is due within a microsecond is due: a clock cannot wait for less."""

GRID_SLACK = 1e-9
"""So much of a period is rounding, not lateness."""

PROBE_SHARE = 0.05
"""The most of a bus's time that probes of dead meters may take from live ones."""

LOAD_MAX = 0.9
"""Groups are stretched until the planned load is below this."""

LOAD_SLACK = 1e-6
"""So much of a load is rounding: no further group gives way for it."""

STRETCH_ORDER = ("slow", "normal")
"""Which groups give way on overload, the first first; `fast` never does."""


class Rank(IntEnum):
    """The order of commands among themselves: power back first."""

    CLOSE = 0
    VERIFY = 1
    OPEN = 2
    READ = 3
    """A read that somebody waits for, such as before a trip."""
    BOUNDARY = 4
    """The reads of a whole bus at an instant: behind all that, and ahead of polls."""


@dataclass(slots=True)
class Poll(Generic[J]):
    """A job that comes again on a fixed phase grid."""

    job: J
    period_s: float
    due_s: float
    time_s: float
    """What it is expected to take on the wire."""
    group: str = "normal"
    done: int = 0
    missed: int = 0
    lateness_s: float = 0.0

    def complete(self, now_s: float) -> None:
        """Note that it was done now, and find its next place on the grid."""
        self.done += 1
        self.lateness_s = max(0.0, now_s - self.due_s)
        self.skip(now_s)

    def skip(self, now_s: float) -> None:
        """Go to the next place on the grid from now on; places that passed meanwhile are counted as missed."""
        behind = max(0, ceil((now_s - self.due_s) / self.period_s - GRID_SLACK) - 1)
        self.missed += behind
        self.due_s += (behind + 1) * self.period_s


@dataclass(slots=True)
class Probe(Generic[J]):
    """A look whether a dead meter is back."""

    job: J
    time_s: float
    """What it costs when nobody answers."""
    due_s: float


@dataclass(frozen=True, slots=True)
class Turn(Generic[J]):
    """What to do now."""

    job: J
    poll: Poll[J] | None = None
    probe: Probe[J] | None = None


class Schedule(Generic[J]):
    """One bus's commands, polls and probes."""

    __slots__ = ("_by_deadline", "_numbers", "_polls", "_probes_from_s", "_urgent", "probes")

    def __init__(self, polls: Sequence[Poll[J]] = (), probes: dict[object, Probe[J]] | None = None) -> None:
        """Begin with these polls and probes, and no commands."""
        self.polls = polls
        self.probes = {} if probes is None else probes
        self._urgent: list[tuple[Rank, int, J]] = []
        self._numbers = count().__next__
        self._probes_from_s = 0.0
        """Before this, a probe may only use time that no poll wants."""

    @property
    def polls(self) -> Sequence[Poll[J]]:
        """What is polled; the first of those due at the same time goes first. Set anew when it changes."""
        return self._polls

    @polls.setter
    def polls(self, polls: Sequence[Poll[J]]) -> None:
        self._polls = polls
        self._by_deadline = [(poll.due_s, place, poll) for place, poll in enumerate(polls)]
        heapq.heapify(self._by_deadline)

    def put_urgent(self, job: J, rank: Rank) -> None:
        """Do this ahead of all polls."""
        heapq.heappush(self._urgent, (rank, self._numbers(), job))

    def next(self, now_s: float, *, is_commanding: bool = False) -> Turn[J] | float:
        """The next job, or how many seconds to wait for one; no probe while a command is under way."""
        soon_s = now_s + DUE_SLACK_S
        if self._urgent:
            return Turn(heapq.heappop(self._urgent)[2])
        poll = self._next_poll()
        next_due_s = poll.due_s if poll is not None else float("inf")
        if poll is not None and poll.due_s <= soon_s and (is_commanding or not self._probe_goes_first(now_s)):
            return Turn(poll.job, poll=poll)
        probes = () if is_commanding else self.probes.values()
        probe = min(probes, key=lambda probe: probe.due_s, default=None)
        if probe is not None and probe.due_s <= soon_s:
            fits_before = now_s + probe.time_s <= next_due_s
            if fits_before or soon_s >= self._probes_from_s:
                if not fits_before:
                    self._probes_from_s = now_s + probe.time_s / PROBE_SHARE
                return Turn(probe.job, probe=probe)
        waits = [next_due_s]
        if probe is not None:
            waits.append(max(probe.due_s, min(self._probes_from_s, next_due_s)))
        return max(DUE_SLACK_S, min(waits) - now_s)

    def _next_poll(self) -> Poll[J] | None:
        """The poll with the earliest deadline; deadlines only ever move on, so entries are never late."""
        heap = self._by_deadline
        while heap:
            noted_s, place, poll = heap[0]
            if poll.due_s == noted_s:
                return poll
            heapq.heapreplace(heap, (poll.due_s, place, poll))
        return None

    def _probe_goes_first(self, now_s: float) -> bool:
        """Whether the probes' share is due although polls wait: dead meters must come back on a full bus too."""
        is_allowed = now_s + DUE_SLACK_S >= self._probes_from_s
        return is_allowed and any(probe.due_s <= now_s for probe in self.probes.values())

    @property
    def load(self) -> float:
        """The share of the bus's time that its polls are planned to take."""
        return sum(poll.time_s / poll.period_s for poll in self.polls)


def stretch(loads: dict[str, float], load_max: float = LOAD_MAX) -> dict[str, float]:
    """By how much to stretch each group's periods so that the planned load fits; 1.0 means not at all.

    The slow group gives way first, up to ten times, then the normal one; the fast one never.
    """
    factors = dict.fromkeys(loads, 1.0)
    for group in STRETCH_ORDER:
        excess = sum(load / factors[name] for name, load in loads.items()) - load_max
        load = loads.get(group, 0.0)
        if excess <= LOAD_SLACK or load == 0:
            continue
        left = max(load - excess, load / 10)
        factors[group] = load / left
    return factors


def spread(polls: Iterable[Poll[J]], start_s: float) -> None:
    """Give polls of the same period evenly spread phases, so that they do not all come due at once."""
    by_period: dict[float, list[Poll[J]]] = {}
    for poll in polls:
        by_period.setdefault(poll.period_s, []).append(poll)
    for period_s, same in by_period.items():
        for place, poll in enumerate(same):
            poll.due_s = start_s + period_s * place / len(same)
