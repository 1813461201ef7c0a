"""What is read of each meter of a bus, how often, and what gives way when all of it does not fit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from hub.contracts.links import Link, Request
from hub.contracts.profiles import Check, Point, Profile, Range
from hub.core.clock import Clock
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.planner import Gap, Limits, PlannedRead, gaps_worth_a_try, plan
from plugins.kpm_modbus.schedule import Poll, spread, stretch

J = TypeVar("J")
Jm = TypeVar("Jm", covariant=True)

READ_TIME_MAX_S = 0.180
"""The longest poll on a bus with relays: what a command may have to wait for."""

IDENTITY_PERIOD_S = 3600.0
KEPT_MAX = 30
"""So many plans of a bus are kept for the next meter that is read alike."""

REPLAN_SHARE = 0.3
"""Plans are made anew when the answer delay moved by more than this."""


class PollJobs(Protocol[Jm]):
    """The work behind each kind of poll."""

    def read_job(self, device: Device, read: PlannedRead) -> Jm:
        """One planned read."""

    def relay_job(self, device: Device) -> Jm:
        """A look at a relay."""

    def identity_job(self, device: Device) -> Jm:
        """A proof of who answers."""


class Polls(Generic[J]):
    """The polls of one bus by meter."""

    def __init__(
        self,
        clock: Clock,
        link: Link,
        devices: Sequence[Device],
        periods_s: Mapping[str, float],
        jobs: PollJobs[J],
    ) -> None:
        """Plan every meter's polls, spread over their periods."""
        self._clock = clock
        self._link = link
        self._devices = tuple(devices)
        self._periods_s = dict(periods_s)
        self._jobs = jobs
        self._polls: dict[int, list[Poll[J]]] = {}
        self._planned_turn_s: dict[int, float] = {}
        self._profiles: dict[int, Profile] = {}
        self._planned: dict[Hashable, tuple[PlannedRead, ...]] = {}
        self._worth: dict[Hashable, tuple[Gap, ...]] = {}
        self.stretched: Mapping[str, float] = dict.fromkeys(periods_s, 1.0)
        """By how much each group's period is stretched now."""
        for device in self._devices:
            self.plan(device)
        spread([poll for polls in self._polls.values() for poll in polls], clock.monotonic())

    @property
    def planned_load(self) -> float:
        """The share of the bus's time that the polls are planned to take, without any stretching."""
        return sum(
            poll.time_s * self.stretched[poll.group] / poll.period_s
            for polls in self._polls.values()
            for poll in polls
        )

    @property
    def fast_load(self) -> float:
        """The share of the bus's time that the fast group alone takes."""
        polls = [poll for polls in self._polls.values() for poll in polls if poll.group == "fast"]
        return sum(poll.time_s for poll in polls) / self._periods_s["fast"]

    def period_s(self, group: str) -> float:
        """How often a group is read now."""
        return self._periods_s[group] * self.stretched[group]

    def of(self, device: Device) -> Sequence[Poll[J]]:
        """A meter's polls."""
        return self._polls[device.unit]

    def plan(self, device: Device) -> None:
        """Make a meter's polls: one for each planned read of each group, its relay's, and one for its identity."""
        turn_s, now_s, timing = device.turn_s, self._clock.monotonic(), self._link.timing
        polls: list[Poll[J]] = []
        for group in self._periods_s:
            for read in self._reads(device, group):
                time_s = timing.transaction_s(read.request(device.unit), turn_s)
                job = self._jobs.read_job(device, read)
                polls.append(Poll(job, self.period_s(group), now_s, time_s, group))
        if device.profile.relay is not None:
            time_s = timing.transaction_s(relay_request(device.unit, device.profile.relay), turn_s)
            polls.append(Poll(self._jobs.relay_job(device), self.period_s("fast"), now_s, time_s, "fast"))
        first_s = now_s + IDENTITY_PERIOD_S
        polls.append(Poll(self._jobs.identity_job(device), IDENTITY_PERIOD_S, first_s, turn_s, "slow"))
        due_s: dict[str, list[float]] = {}
        for poll in self._polls.get(device.unit, ()):
            due_s.setdefault(poll.group, []).append(poll.due_s)
        for poll in polls:
            same = due_s.get(poll.group)
            if same:
                poll.due_s = same.pop(0) if len(same) > 1 else same[0]
        self._polls[device.unit] = polls
        self._planned_turn_s[device.unit] = turn_s

    def has_moved(self, device: Device) -> bool:
        """Whether a meter answers so much faster or slower that its plan is no longer the cheapest."""
        planned_s = self._planned_turn_s[device.unit]
        return abs(device.turn_s - planned_s) > REPLAN_SHARE * planned_s

    def gaps_worth(self, device: Device, refused: tuple[Range, ...]) -> tuple[Gap, ...]:
        """The gaps of a meter that its plans would cross if they were proven."""
        key = (*self._alike(device), refused)
        if key not in self._worth:
            self._worth = {**dict(list(self._worth.items())[-KEPT_MAX:]), key: self._gaps_worth(device, refused)}
        return self._worth[key]

    def _gaps_worth(self, device: Device, refused: tuple[Range, ...]) -> tuple[Gap, ...]:
        return tuple(
            gap
            for group in self._periods_s
            for gap in gaps_worth_a_try(
                _points(device, group), device.profile, self.limits(device), device.gaps, refused
            )
        )

    def _alike(self, device: Device) -> tuple[Hashable, ...]:
        """What two meters must have in common to be read alike: most of a bus has it, and is planned once."""
        self._profiles[id(device.profile)] = device.profile  # while it is kept, no other can have its id
        return id(device.profile), device.turn_s, device.gaps, tuple(device.quantities)

    def _reads(self, device: Device, group: str) -> tuple[PlannedRead, ...]:
        key = (*self._alike(device), group)
        if key not in self._planned:
            made = plan(_points(device, group), device.profile, self.limits(device), device.gaps)
            self._planned = {**dict(list(self._planned.items())[-KEPT_MAX:]), key: made.reads}
        return self._planned[key]

    def limits(self, device: Device) -> Limits:
        """What a poll of a meter must keep to."""
        return Limits(timing=self._link.timing, turn_s=device.turn_s, read_time_max_s=READ_TIME_MAX_S)

    def arranged(self, is_dead: Callable[[Device], bool]) -> list[Poll[J]]:
        """The polls of the meters that live, the groups stretched so that they fit."""
        live = [poll for device in self._devices if not is_dead(device) for poll in self._polls[device.unit]]
        loads = dict.fromkeys(self._periods_s, 0.0)
        for poll in live:
            loads[poll.group] += poll.time_s * self.stretched[poll.group] / poll.period_s
        factors = stretch(loads)
        for poll in (poll for polls in self._polls.values() for poll in polls):
            poll.period_s *= factors[poll.group] / self.stretched[poll.group]
        self.stretched = factors
        return live


def relay_request(unit: int, check: Check) -> Request:
    """The read that shows where a relay stands."""
    return Request(unit=unit, function=check.function, address=check.address, count=check.count)


def _points(device: Device, group: str) -> Collection[Point]:
    """What is read with a group; transformer ratios with `normal` at the latest: money hangs on them."""
    return [
        point for point in device.used
        if ("normal" if point.group == "slow" and point in device.multipliers else point.group) == group
    ]  # fmt: skip
