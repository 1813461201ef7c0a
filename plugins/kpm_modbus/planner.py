"""The cheapest reads that cover a set of points: an exact dynamic programme over one meter's addresses.

The cost of a read is its time on this wire with this meter's answer delay. A value is never split over two reads;
unlisted addresses are crossed only where that was proven, and forbidden ones never.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Unlisted addresses that a cheaper plan would read across, and the values on both sides of them."""

    range: Range
    before: Point
    after: Point

    @property
    def read(self) -> PlannedRead:
        """The smallest read that crosses it."""
        return _joined(self.range.function, (self.before, self.after))


def plan(points: Iterable[Point], profile: Profile, limits: Limits, proven: Sequence[Range] = ()) -> Plan:
    """The cheapest plan for the points; raises `NoPlan` when one cannot be read at all.

    `proven` are unlisted addresses that this very meter was seen to read across, besides those of its profile.
    """
    reads = _plan(points, profile, limits, lambda function: Bars.of(function, profile, proven))
    return Plan(reads=tuple(reads), time_s=sum(read_time_s(read, limits) for read in reads))


def gaps_worth_a_try(
    points: Iterable[Point], profile: Profile, limits: Limits, proven: Sequence[Range], refused: Sequence[Range]
) -> tuple[Gap, ...]:
    """The gaps that the cheapest plan of all would cross, if the meter let it; `refused` are known not to be."""
    tables: dict[Function, Bars] = {}

    def opened(function: Function) -> Bars:
        tables[function] = Bars.of(function, profile, proven)
        return tables[function].opened(refused)

    found: dict[tuple[Function, int], Gap] = {}
    for read in _plan(points, profile, limits, opened):
        for first, last in tables[read.function].unproven(read):
            gap = _gap(read.function, first, last, profile)
            if gap is not None:
                found[read.function, first] = gap
    return tuple(found.values())


def _plan(
    points: Iterable[Point], profile: Profile, limits: Limits, bars_of: Callable[[Function], Bars]
) -> list[PlannedRead]:
    by_function: dict[Function, list[Point]] = {}
    for point in points:
        by_function.setdefault(point.function, []).append(point)
    reads: list[PlannedRead] = []
    for function, wanted in sorted(by_function.items()):
        reads += _plan_table(bars_of(function), sorted(set(wanted), key=_place), profile, limits)
    return reads


def _gap(function: Function, first: int, last: int, profile: Profile) -> Gap | None:
    """The gap with its neighbours, by which a read across it is compared."""
    listed = [point for point in listed_points(profile) if point.function is function]
    before = max((point for point in listed if point.last < first), key=_place, default=None)
    after = min((point for point in listed if point.address > last), key=_place, default=None)
    if before is None or after is None:
        return None
    return Gap(range=Range(function=function, first=first, last=last), before=before, after=after)


def listed_points(profile: Profile) -> tuple[Point, ...]:
    """Everything that a profile says can be read."""
    return profile.points if profile.identity is None else (*profile.points, profile.identity.point)


def read_time_s(read: PlannedRead, limits: Limits) -> float:
    """The least time that a read takes on the wire."""
    return limits.timing.transaction_s(read.request(1), limits.turn_s)


def _place(point: Point) -> tuple[int, int, str]:
    return point.address, point.last, point.name


def _plan_table(bars: Bars, points: Sequence[Point], profile: Profile, limits: Limits) -> list[PlannedRead]:
    """best[j] is the cheapest way to cover the first j points; cut[j] where its last read begins."""
    time_of_s = _times(bars.function, profile, limits)
    best: list[float] = [0.0]
    cut: list[int] = [0]
    for end in range(1, len(points) + 1):
        cheapest: tuple[float, int] | None = None
        last = 0
        for start in range(end - 1, -1, -1):
            first, last = points[start].address, max(last, points[start].last)
            is_single = start == end - 1
            time_s = time_of_s(last - first + 1, is_single)
            if time_s is None or not bars.allow(first, last):
                if is_single:
                    raise NoPlan(_hopeless(points[start], profile))
                break  # a longer read meets the same bar
            if cheapest is None or best[start] + time_s < cheapest[0]:
                cheapest = (best[start] + time_s, start)
        assert cheapest is not None
        best.append(cheapest[0])
        cut.append(cheapest[1])
    reads: list[PlannedRead] = []
    end = len(points)
    while end:
        reads.append(_joined(bars.function, points[cut[end] : end]))
        end = cut[end]
    return reads[::-1]


def _times(function: Function, profile: Profile, limits: Limits) -> Callable[[int, bool], float | None]:
    """What a read of so many takes, or None when it is too long; each length is worked out once."""
    capabilities = profile.capabilities
    most = capabilities.coils_max if function.reads_bits else min(capabilities.registers_max, REGISTERS_MAX)
    known: dict[int, float] = {}

    def time_of_s(count: int, is_single: bool) -> float | None:
        if count > most:
            return None
        time_s = known.get(count)
        if time_s is None:
            request = Request(unit=1, function=function, address=0, count=count)
            time_s = known[count] = limits.timing.transaction_s(request, limits.turn_s)
        too_long = limits.read_time_max_s is not None and time_s > limits.read_time_max_s
        return None if too_long and not is_single else time_s

    return time_of_s


def _joined(function: Function, points: Sequence[Point]) -> PlannedRead:
    first = points[0].address
    last = max(point.last for point in points)
    return PlannedRead(function=function, address=first, count=last - first + 1, points=tuple(points))


def _hopeless(point: Point, profile: Profile) -> str:
    return (
        f"{profile.id}: point {point.name!r} ({point.count} at {point.address:#06x}) cannot be read: it is longer "
        "than the meter's largest read, or touches a forbidden address; correct the profile"
    )


@dataclass(frozen=True, slots=True)
class Bars:
    """What no read of one table may cross: forbidden addresses, and gaps that nobody has proven."""

    function: Function
    readable: tuple[tuple[int, int], ...]
    """Spans of addresses that are listed or proven; neighbours are one span."""
    forbidden: tuple[Range, ...]

    @classmethod
    def of(cls, function: Function, profile: Profile, proven: Sequence[Range]) -> Bars:
        """The bars of a table, as far as this meter is known."""
        listed = [
            Range(function=function, first=point.address, last=point.last)
            for point in listed_points(profile)
            if point.function is function
        ]
        known = [one for one in (*profile.gaps_proven, *proven) if one.function is function]
        forbidden = tuple(one for one in profile.forbidden if one.function is function)
        return cls(function, tuple(_merged([*listed, *known])), forbidden)

    def opened(self, refused: Sequence[Range]) -> Bars:
        """The bars that would be left if every gap could be read across but the refused ones."""
        if not self.readable:
            return self
        whole = (self.readable[0][0], self.readable[-1][1])
        barred = (one for one in refused if one.function is self.function)
        return Bars(self.function, (whole,), (*self.forbidden, *barred))

    def unproven(self, read: PlannedRead) -> list[tuple[int, int]]:
        """The spans of a read that are neither listed nor proven."""
        spans = []
        place, last = read.address, read.address + read.count - 1
        for first, end in self.readable:
            if end < place or first > last:
                continue
            if first > place:
                spans.append((place, first - 1))
            place = end + 1
        return spans

    def allow(self, first: int, last: int) -> bool:
        """Whether a read of these addresses crosses nothing that it must not."""
        if any(one.touches(first, last) for one in self.forbidden):
            return False
        span = bisect_right(self.readable, first, key=_first) - 1
        return span >= 0 and last <= self.readable[span][1]


def _first(span: tuple[int, int]) -> int:
    return span[0]


def _merged(ranges: Sequence[Range]) -> list[tuple[int, int]]:
    """Ranges as few spans of addresses; neighbours join."""
    spans: list[tuple[int, int]] = []
    for one in sorted(ranges, key=lambda one: one.first):
        if spans and one.first <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(spans[-1][1], one.last))
        else:
            spans.append((one.first, one.last))
    return spans
