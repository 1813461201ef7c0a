"""The worker of one bus: the only one that talks on it, one transaction at a time, in the schedule's order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeAlias, TypeVar

from hub.contracts.ids import BusId
from hub.contracts.links import Failure, Link, LinkFailed, Reply, Request
from hub.contracts.metering import Liveness
from hub.contracts.profiles.words import serial_text
from hub.core.clock import Clock
from hub.core.errors import HubError
from hub.core.ids import Ids
from hub.core.supervisor import Backoff
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.gap_probe import PAUSE_S, GapProbe
from plugins.kpm_modbus.gaps import Gaps
from plugins.kpm_modbus.health import BusHealth
from plugins.kpm_modbus.planner import Gap, PlannedRead, plan
from plugins.kpm_modbus.polls import READ_TIME_MAX_S, Polls, relay_request
from plugins.kpm_modbus.schedule import Probe, Rank, Schedule, Turn

T = TypeVar("T")
Job: TypeAlias = Callable[[], Awaitable[None]]

NO_SUCH_READ = (2, 3)
"""The exceptions by which a meter says that it cannot be read so: illegal address, and illegal count."""

RATIO_LOOKS = 2
"""So often a transformer ratio is read at the first meeting, in case the first look is not to be trusted."""

PROBE_PAUSE = Backoff(first_s=2.0, factor=2.0, cap_s=48.0, jitter=0.2)
"""With its jitter a dead meter is looked for at least once a minute."""


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
        self._watcher = watcher
        self._schedule: Schedule[Job] = Schedule()
        self._periods_s = dict(periods_s)
        self._commands = 0
        self._wake = asyncio.Event()
        self._gaps: Gaps | None = None
        self._gap_probe: GapProbe | None = None
        self.health = BusHealth(clock.monotonic())
        self._polls: Polls[Job] = Polls(clock, link, self.devices, periods_s, self)
        self._arrange()

    @property
    def planned_load(self) -> float:
        """The share of the bus's time that its polls are planned to take, without any stretching."""
        return self._polls.planned_load

    @property
    def fast_load(self) -> float:
        """The share of the bus's time that the fast group alone takes."""
        return self._polls.fast_load

    @property
    def fast_needed_s(self) -> float:
        """The shortest period that the fast group could keep."""
        return self.fast_load * self._periods_s["fast"]

    @property
    def stretched(self) -> Mapping[str, float]:
        """By how much each group's period is stretched now."""
        return self._polls.stretched

    @property
    def is_silent(self) -> bool:
        """Whether no meter of the bus answers."""
        return all(device.liveness in {Liveness.DEAD, Liveness.PROBING} for device in self.devices)

    def period_s(self, group: str) -> float:
        """How often a group is read now."""
        return self._polls.period_s(group)

    async def run(self) -> None:
        """Work for ever."""
        while True:
            self._wake.clear()
            turn = self._schedule.next(self._clock.monotonic(), is_commanding=self._commands > 0)
            if isinstance(turn, Turn):
                await turn.job()
                self._settle(turn)
                continue
            timer = None if turn == float("inf") else self._clock.call_later(turn, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                if timer is not None:
                    timer.cancel()

    @contextmanager
    def commanding(self) -> Iterator[None]:
        """While a command is under way no dead meter is probed: its read-back must not wait for a silence."""
        self._commands += 1
        try:
            yield
        finally:
            self._commands -= 1
            self._wake.set()

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
            reply = await self.link.transact(request, self._timeout_s(device, request))
        except LinkFailed as error:
            self.health.failed(error.reason, self._clock.monotonic() - began_s)
            if error.reason is Failure.EXCEPTION:
                device.misses = 0
            raise
        took_s = self._clock.monotonic() - began_s
        device.answered(reply.turn_us)
        self.health.good(request, reply, self.link.timing, device.turn_s, took_s)
        return reply

    def _timeout_s(self, device: Device, request: Request) -> float:
        """How long to wait for a whole answer: until it begins, and as long as it takes on the wire."""
        return device.patience_s + request.reply_bytes * self.link.timing.character_s

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

    async def meet(self, device: Device) -> None:
        """Prove who answers, and read what its values are multiplied by; raises as `prove` does."""
        await self.prove(device)
        for read in plan(device.multipliers, device.profile, self._polls.limits(device), device.gaps).reads:
            for _ in range(RATIO_LOOKS):
                self._watcher.took(device, read, await self.transact(device, read.request(device.unit)))
                if all(point.name in device.ratios for point in read.points):
                    break

    def try_gaps(self, gaps: Gaps) -> None:
        """From now on read across what is proven, and try what would make polls cheaper, once for each meter."""
        self._gaps = gaps
        self._gap_probe = GapProbe(gaps, self.transact, self._gaps_worth)
        for device in self.devices:
            self.renewed(device)

    def renewed(self, device: Device) -> None:
        """Another instrument hangs in a meter's place: what was proven of the old one does not hold for it."""
        known = self._gaps.readable(device) if self._gaps is not None else ()
        if known != device.gaps:
            device.gaps = known
            self._replan(device)
        self._look_for_gaps(device)

    def read_job(self, device: Device, read: PlannedRead) -> Job:
        """One planned read."""
        return partial(self._poll, device, read)

    def relay_job(self, device: Device) -> Job:
        """A look at a relay."""
        return partial(self._look_at_relay, device)

    def identity_job(self, device: Device) -> Job:
        """A proof of who answers."""
        return partial(self._check_identity, device)

    async def _poll(self, device: Device, read: PlannedRead) -> None:
        try:
            if device.proven_s is None:
                await self.meet(device)
            reply = await self.transact(device, read.request(device.unit))
        except WrongIdentity:
            return
        except LinkFailed as error:
            if error.reason is not Failure.EXCEPTION:
                if device.missed():
                    self._bury(device)
            elif not await self._close_gaps(device, read, error):
                self._watcher.refused(device, read, error)
            return
        self._watcher.took(device, read, reply)
        self._replan_if_moved(device)

    async def _close_gaps(self, device: Device, read: PlannedRead, error: LinkFailed) -> bool:
        """A read across gaps that once went well is refused now: whether that was tried at all."""
        last = read.address + read.count - 1
        crossed = [one for one in device.gaps if one.function is read.function and one.touches(read.address, last)]
        if not crossed or self._gaps is None or error.exception_code not in NO_SUCH_READ:
            return False
        for gap in crossed:
            await self._gaps.note(device, gap, f"it was readable before: {error}", is_readable=False)
        self.renewed(device)
        return True

    async def _try_gap(self, device: Device) -> None:
        assert self._gap_probe is not None
        before = device.gaps
        pause_s = await self._gap_probe.step(device)
        if device.gaps != before:
            self._replan(device)
        if pause_s is None:
            self._schedule.probes.pop(("gap", device.unit), None)
        else:
            self._schedule.probes["gap", device.unit].due_s = self._clock.monotonic() + pause_s

    def _gaps_worth(self, device: Device) -> tuple[Gap, ...]:
        return () if self._gaps is None else self._polls.gaps_worth(device, self._gaps.refused(device))

    async def _look_at_relay(self, device: Device) -> None:
        check = device.profile.relay
        assert check is not None
        try:
            if device.proven_s is None:
                await self.meet(device)
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
            partial(self._probe, device), asked_s + device.patience_s, self._clock.monotonic() + pause_s
        )
        self._arrange()
        self._watcher.died(device)

    def _revive(self, device: Device) -> None:
        device.liveness = Liveness.LIVE
        device.misses = device.back_off = 0
        del self._schedule.probes[device.unit]
        now_s = self._clock.monotonic()
        for poll in self._polls.of(device):
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

    def _replan_if_moved(self, device: Device) -> None:
        if self._polls.has_moved(device):
            self._replan(device)

    def _replan(self, device: Device) -> None:
        self._polls.plan(device)
        self._arrange()
        self._look_for_gaps(device)

    def _look_for_gaps(self, device: Device) -> None:
        place = ("gap", device.unit)
        if self._gap_probe is None or place in self._schedule.probes or not self._gap_probe.has_work(device):
            return
        timing = self.link.timing
        self._schedule.probes[place] = Probe(
            partial(self._try_gap, device), READ_TIME_MAX_S + timing.gap_s, self._clock.monotonic() + PAUSE_S
        )

    def _arrange(self) -> None:
        """Put the live meters' polls on the schedule, and stretch the groups that do not fit."""
        self._schedule.polls = self._polls.arranged(lambda device: device.unit in self._schedule.probes)
        self._wake.set()
