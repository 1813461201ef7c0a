"""The cheapest reads that cover a set of points: an exact dynamic programme over one meter's addresses.

The cost of a read is its time on this wire with this meter's answer delay. A value is never split over two reads;
unlisted addresses are crossed only where that was proven, and forbidden ones never.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hub.contracts.links import REGISTERS_MAX, Function, Request, WireTiming
from hub.contracts.profiles import Point, Profile, Range


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRead:
    """One read that covers some points."""

    function: Function
    address: int
    count: int
    points: tuple[Point, ...]

    def request(self, unit: int) -> Request:
        """The transaction for a meter."""
        return Request(unit=unit, function=self.function, address=self.address, count=self.count)

    def words_of(self, point: Point, words: Sequence[int]) -> tuple[int, ...]:
        """A point's own words out of the reply's."""
        start = point.address - self.address
        return tuple(words[start : start + point.count])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All reads for a set of points, and the least time that they take."""

    reads: tuple[PlannedRead, ...]
    time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a plan must keep to besides the profile."""

    timing: WireTiming
    turn_s: float
    read_time_max_s: float | None = None
    """No read may take longer, so that a command never waits longer behind it; a single value always may."""


class NoPlan(ValueError):
    """A point that cannot be read within the limits."""


def plan(points: Iterable[Point], profile: Profile, limits: Limits) -> Plan:
    """The cheapest plan for the points; raises `NoPlan` when one cannot be read at all."""
    by_function: dict[Function, list[Point]] = {}
    for point in points:
        by_function.setdefault(point.function, []).append(point)
    reads: list[PlannedRead] = []
    for function, wanted in sorted(by_function.items()):
        reads += _plan_table(function, sorted(set(wanted), key=_place), profile, limits)
    return Plan(reads=tuple(reads), time_s=sum(read_time_s(read, limits) for read in reads))


def read_time_s(read: PlannedRead, limits: Limits) -> float:
    """The least time that a read takes on the wire."""
    return limits.timing.transaction_s(read.request(1), limits.turn_s)


def _place(point: Point) -> tuple[int, int, str]:
    return point.address, point.last, point.name


def _plan_table(function: Function, points: Sequence[Point], profile: Profile, limits: Limits) -> list[PlannedRead]:
    """best[j] is the cheapest way to cover the first j points; cut[j] where its last read begins."""
    bars = _Bars(function, profile)
    best: list[float] = [0.0]
    cut: list[int] = [0]
    for end in range(1, len(points) + 1):
        cheapest: tuple[float, int] | None = None
        for start in range(end - 1, -1, -1):
            read = _joined(function, points[start:end])
            if not bars.allows(read) or not _fits(read, profile, limits):
                if start == end - 1:
                    raise NoPlan(_hopeless(points[start], profile))
                break  # a longer read meets the same bar
            cost = best[start] + read_time_s(read, limits)
            if cheapest is None or cost < cheapest[0]:
                cheapest = (cost, start)
        assert cheapest is not None
        best.append(cheapest[0])
        cut.append(cheapest[1])
    reads: list[PlannedRead] = []
    end = len(points)
    while end:
        reads.append(_joined(function, points[cut[end] : end]))
        end = cut[end]
    return reads[::-1]


def _joined(function: Function, points: Sequence[Point]) -> PlannedRead:
    first = points[0].address
    last = max(point.last for point in points)
    return PlannedRead(function=function, address=first, count=last - first + 1, points=tuple(points))


def _fits(read: PlannedRead, profile: Profile, limits: Limits) -> bool:
    capabilities = profile.capabilities
    most = capabilities.coils_max if read.function.reads_bits else min(capabilities.registers_max, REGISTERS_MAX)
    if read.count > most:
        return False
    if limits.read_time_max_s is None or len(read.points) == 1:
        return True
    return read_time_s(read, limits) <= limits.read_time_max_s


def _hopeless(point: Point, profile: Profile) -> str:
    return (
        f"{profile.id}: point {point.name!r} ({point.count} at {point.address:#06x}) cannot be read: it is longer "
        "than the meter's largest read, or touches a forbidden address; correct the profile"
    )


class _Bars:
    """What no read of one table may cross: forbidden addresses, and gaps that nobody has proven."""

    def __init__(self, function: Function, profile: Profile) -> None:
        listed = [Range(function=function, first=point.address, last=point.last) for point in profile.points]
        if profile.identity is not None:
            point = profile.identity.point
            listed.append(Range(function=point.function, first=point.address, last=point.last))
        proven = [one for one in profile.gaps_proven if one.function is function]
        self._readable = _merged([one for one in (*listed, *proven) if one.function is function])
        self._forbidden = [one for one in profile.forbidden if one.function is function]

    def allows(self, read: PlannedRead) -> bool:
        last = read.address + read.count - 1
        if any(one.touches(read.address, last) for one in self._forbidden):
            return False
        return any(first <= read.address and last <= end for first, end in self._readable)


def _merged(ranges: Sequence[Range]) -> list[tuple[int, int]]:
    """Ranges as few spans of addresses; neighbours join."""
    spans: list[tuple[int, int]] = []
    for one in sorted(ranges, key=lambda one: one.first):
        if spans and one.first <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(spans[-1][1], one.last))
        else:
            spans.append((one.first, one.last))
    return spans
