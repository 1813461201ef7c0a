"""The worker of one bus: the only one that talks on it, one transaction at a time, in the schedule's order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeAlias, TypeVar

from hub.contracts.ids import BusId
from hub.contracts.links import Failure, Link, LinkFailed, Reply, Request
from hub.contracts.metering import Liveness
from hub.contracts.profiles import Check
from hub.contracts.profiles.words import serial_text
from hub.core.clock import Clock
from hub.core.errors import HubError
from hub.core.ids import Ids
from hub.core.supervisor import Backoff
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.health import BusHealth
from plugins.kpm_modbus.planner import Limits, Plan, PlannedRead, plan
from plugins.kpm_modbus.schedule import Poll, Probe, Rank, Schedule, Turn, spread, stretch

T = TypeVar("T")
Job: TypeAlias = Callable[[], Awaitable[None]]

READ_TIME_MAX_S = 0.180
"""The longest poll on a bus with relays: what a command may have to wait for."""

IDENTITY_PERIOD_S = 3600.0
REPLAN_SHARE = 0.3
"""Plans are made anew when the answer delay moved by more than this."""

PROBE_PAUSE = Backoff(first_s=2.0, factor=2.0, cap_s=60.0, jitter=0.2)


class WrongIdentity(HubError):
    """Another instrument than expected answered."""


class Watcher(Protocol):
    """Who is told what the worker finds; plain functions, called on the loop."""

    def took(self, device: Device, read: PlannedRead, reply: Reply) -> None:
        """A planned read was answered."""

    def saw_relay(self, device: Device, reply: Reply) -> None:
        """A relay's status was polled."""

    def refused(self, device: Device, read: PlannedRead, error: LinkFailed) -> None:
        """The meter answered that it will not."""

    def died(self, device: Device) -> None:
        """A meter counts as dead."""

    def came_back(self, device: Device) -> None:
        """A dead meter answers again, and is who it should be."""

    def identified(self, device: Device, fault: str | None) -> None:
        """An identity was read; `fault` says what is wrong with it."""


class BusWorker:
    """Polls, commands and probes on one link."""

    def __init__(
        self,
        clock: Clock,
        ids: Ids,
        bus: BusId,
        link: Link,
        devices: Sequence[Device],
        periods_s: Mapping[str, float],
        watcher: Watcher,
    ) -> None:
        """Take over a link and the meters on it; `run` is the work."""
        self._clock = clock
        self._ids = ids
        self.bus = bus
        self.link = link
        self.devices = tuple(devices)
        self._periods_s = dict(periods_s)
        self._watcher = watcher
        self._schedule: Schedule[Job] = Schedule()
        self._polls: dict[int, list[Poll[Job]]] = {}
        self._planned_turn_s: dict[int, float] = {}
        self._stretched = dict.fromkeys(periods_s, 1.0)
        self._wake = asyncio.Event()
        self.health = BusHealth(clock.monotonic())
        now_s = clock.monotonic()
        for device in self.devices:
            self._plan(device)
        spread([poll for polls in self._polls.values() for poll in polls], now_s)
        self._arrange()

    @property
    def planned_load(self) -> float:
        """The share of the bus's time that its polls are planned to take, without any stretching."""
        return sum(
            poll.time_s * self._stretched[poll.group] / poll.period_s
            for polls in self._polls.values()
            for poll in polls
        )

    @property
    def fast_load(self) -> float:
        """The share of the bus's time that the fast group alone takes."""
        polls = [poll for polls in self._polls.values() for poll in polls if poll.group == "fast"]
        return sum(poll.time_s for poll in polls) / self._periods_s["fast"]

    @property
    def fast_needed_s(self) -> float:
        """The shortest period that the fast group could keep."""
        return self.fast_load * self._periods_s["fast"]

    @property
    def stretched(self) -> Mapping[str, float]:
        """By how much each group's period is stretched now."""
        return self._stretched

    @property
    def is_silent(self) -> bool:
        """Whether no meter of the bus answers."""
        return all(device.liveness in {Liveness.DEAD, Liveness.PROBING} for device in self.devices)

    def period_s(self, group: str) -> float:
        """How often a group is read now."""
        return self._periods_s[group] * self._stretched[group]

    async def run(self) -> None:
        """Work for ever."""
        while True:
            self._wake.clear()
            turn = self._schedule.next(self._clock.monotonic())
            if isinstance(turn, Turn):
                await turn.job()
                self._settle(turn)
                continue
            try:
                async with asyncio.timeout(None if turn == float("inf") else turn):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def urgent(self, rank: Rank, work: Callable[[], Awaitable[T]]) -> T:
        """Have something done ahead of all polls; a cancelled caller takes back what has not begun."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def job() -> None:
            if done.cancelled():
                return
            try:
                result = await work()
            except asyncio.CancelledError:
                if not done.done():
                    done.set_exception(LinkFailed(Failure.DISCONNECTED, f"bus {self.bus} stops"))
                raise
            except Exception as error:  # noqa: BLE001 - it is the caller's answer
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(result)

        self._schedule.put_urgent(job, rank)
        self._wake.set()
        return await done

    async def transact(self, device: Device, request: Request) -> Reply:
        """One transaction, accounted for; only from within the worker's own jobs."""
        began_s = self._clock.monotonic()
        try:
            reply = await self.link.transact(request, device.timeout_s)
        except LinkFailed as error:
            self.health.failed(error.reason, self._clock.monotonic() - began_s)
            if error.reason is Failure.EXCEPTION:
                device.misses = 0
            raise
        took_s = self._clock.monotonic() - began_s
        device.answered(reply.turn_us)
        self.health.good(request, reply, self.link.timing, device.turn_s, took_s)
        return reply

    async def prove(self, device: Device) -> None:
        """Read who answers; raises `WrongIdentity`, or `LinkFailed`. Without a serial number nothing is proven."""
        identity = device.profile.identity
        if identity is None or device.serial is None:
            device.proven_s = self._clock.monotonic()
            return
        point = identity.point
        reply = await self.transact(
            device, Request(unit=device.unit, function=point.function, address=point.address, count=point.count)
        )
        fault = device.identity_fault(serial_text(identity, reply.words))
        device.proven_s = None if fault else self._clock.monotonic()
        self._watcher.identified(device, fault)
        if fault is not None:
            raise WrongIdentity(fault)

    async def _poll(self, device: Device, read: PlannedRead) -> None:
        try:
            if device.proven_s is None:
                await self.prove(device)
            reply = await self.transact(device, read.request(device.unit))
        except WrongIdentity:
            return
        except LinkFailed as error:
            if error.reason is Failure.EXCEPTION:
                self._watcher.refused(device, read, error)
            elif device.missed():
                self._bury(device)
            return
        self._watcher.took(device, read, reply)
        self._replan_if_moved(device)

    async def _look_at_relay(self, device: Device) -> None:
        check = device.profile.relay
        assert check is not None
        try:
            if device.proven_s is None:
                await self.prove(device)
            reply = await self.transact(device, relay_request(device.unit, check))
        except WrongIdentity:
            return
        except LinkFailed as error:
            if error.reason is not Failure.EXCEPTION and device.missed():
                self._bury(device)
            return
        self._watcher.saw_relay(device, reply)

    async def _check_identity(self, device: Device) -> None:
        try:
            await self.prove(device)
        except WrongIdentity:
            return
        except LinkFailed as error:
            if error.reason is not Failure.EXCEPTION and device.missed():
                self._bury(device)

    async def _probe(self, device: Device) -> None:
        device.liveness = Liveness.PROBING
        device.proven_s = None
        try:
            if device.profile.identity is None:
                shortest = min(device.profile.points, key=lambda point: point.count)
                await self.transact(
                    device,
                    Request(
                        unit=device.unit, function=shortest.function, address=shortest.address, count=shortest.count
                    ),
                )
            await self.prove(device)
        except WrongIdentity:
            pass  # it is quarantined, and answers all the same
        except LinkFailed as error:
            if error.reason is not Failure.EXCEPTION:
                device.liveness = Liveness.DEAD
                device.back_off += 1
                pause_s = PROBE_PAUSE.pause_s(device.back_off, self._ids)
                self._schedule.probes[device.unit].due_s = self._clock.monotonic() + pause_s
                return
        self._revive(device)

    def _bury(self, device: Device) -> None:
        """Take a dead meter's polls off the bus, and look for it now and then."""
        device.back_off = 1
        device.dead_since_us = self._clock.now_us()
        asked_s = 8 * self.link.timing.character_s
        pause_s = PROBE_PAUSE.pause_s(device.back_off, self._ids)
        self._schedule.probes[device.unit] = Probe(
            partial(self._probe, device), asked_s + device.timeout_s, self._clock.monotonic() + pause_s
        )
        self._arrange()
        self._watcher.died(device)

    def _revive(self, device: Device) -> None:
        device.liveness = Liveness.LIVE
        device.misses = device.back_off = 0
        del self._schedule.probes[device.unit]
        now_s = self._clock.monotonic()
        for poll in self._polls[device.unit]:
            if poll.due_s < now_s:
                poll.skip(now_s)
        self._arrange()
        self._watcher.came_back(device)

    def _settle(self, turn: Turn[Job]) -> None:
        if turn.poll is None:
            return
        missed = turn.poll.missed
        turn.poll.complete(self._clock.monotonic())
        self.health.polls_done += 1
        self.health.polls_missed += turn.poll.missed - missed
        self.health.lateness_s.append(turn.poll.lateness_s)

    def _plan(self, device: Device) -> None:
        """Make a meter's polls: one for each planned read of each group, and one that proves its identity."""
        turn_s = device.turn_s
        limits = Limits(timing=self.link.timing, turn_s=turn_s, read_time_max_s=READ_TIME_MAX_S)
        now_s = self._clock.monotonic()
        polls: list[Poll[Job]] = []
        for group, period_s in self._periods_s.items():
            points = [point for point in device.used if point.group == group]
            made: Plan = plan(points, device.profile, limits)
            for read in made.reads:
                time_s = self.link.timing.transaction_s(read.request(device.unit), turn_s)
                stretched_s = period_s * self._stretched[group]
                polls.append(Poll(partial(self._poll, device, read), stretched_s, now_s, time_s, group))
        if device.profile.relay is not None:
            time_s = self.link.timing.transaction_s(relay_request(device.unit, device.profile.relay), turn_s)
            fast_s = self._periods_s["fast"] * self._stretched["fast"]
            polls.append(Poll(partial(self._look_at_relay, device), fast_s, now_s, time_s, "fast"))
        first_s = now_s + IDENTITY_PERIOD_S
        polls.append(Poll(partial(self._check_identity, device), IDENTITY_PERIOD_S, first_s, turn_s, "slow"))
        old_due_s = {poll.group: poll.due_s for poll in self._polls.get(device.unit, ())}
        for poll in polls:
            poll.due_s = old_due_s.get(poll.group, poll.due_s)
        self._polls[device.unit] = polls
        self._planned_turn_s[device.unit] = turn_s

    def _replan_if_moved(self, device: Device) -> None:
        planned_s = self._planned_turn_s[device.unit]
        if abs(device.turn_s - planned_s) > REPLAN_SHARE * planned_s:
            self._plan(device)
            self._arrange()

    def _arrange(self) -> None:
        """Put the live meters' polls on the schedule, and stretch the groups that do not fit."""
        live = [
            poll
            for device in self.devices
            if device.unit not in self._schedule.probes
            for poll in self._polls[device.unit]
        ]
        loads = dict.fromkeys(self._periods_s, 0.0)
        for poll in live:
            if poll.group in loads:
                loads[poll.group] += poll.time_s * self._stretched[poll.group] / poll.period_s
        factors = stretch(loads)
        for poll in (poll for polls in self._polls.values() for poll in polls):
            if poll.group in factors:
                poll.period_s *= factors[poll.group] / self._stretched[poll.group]
        self._stretched = factors
        self._schedule.polls = live
        self._wake.set()


def relay_request(unit: int, check: Check) -> Request:
    """The read that shows where a relay stands."""
    return Request(unit=unit, function=check.function, address=check.address, count=check.count)
