"""Reads of many meters at an instant: planned once, joined by who asks again, as near as each bus can."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeAlias

from hub.contracts.ids import PointId
from hub.contracts.metering import Liveness, ReadFailed, ReadFailure, Reading
from hub.core.plugins import PluginHub
from plugins.kpm_modbus.bus import BusWorker
from plugins.kpm_modbus.commands import Place
from plugins.kpm_modbus.device import Device

Answer: TypeAlias = tuple[Reading, ...] | ReadFailed
Answers: TypeAlias = dict[PointId, Answer]
Measure: TypeAlias = Callable[[Place, Collection[PointId], int], Awaitable[Answers]]


class Boundaries:
    """What was asked for, by point and instant; the last answers are kept for who asks again."""

    def __init__(self, hub: PluginHub, measure: Measure, time_s: Callable[[Place], float]) -> None:
        """Read one meter's points by `measure`, which is expected to take `time_s` of its bus."""
        self._hub = hub
        self._measure = measure
        self._time_s = time_s
        self._asked: dict[PointId, dict[int, asyncio.Task[Answers]]] = {}

    async def read_at(self, places: Mapping[PointId, Place], instant_us: int) -> Answers:
        """Read points at an instant. Whoever is cancelled meanwhile can ask again: the plan goes on without him."""
        fresh: dict[BusWorker, dict[PointId, Place]] = {}
        tasks: dict[PointId, asyncio.Task[Answers]] = {}
        for point, place in places.items():
            task = self._asked.get(point, {}).get(instant_us)
            if task is not None and not self._gave_nothing(task, point):
                tasks[point] = task
            else:
                fresh.setdefault(place.worker, {})[point] = place
        for worker, mine in fresh.items():
            task = self._hub.spawn(f"boundary on {worker.bus}", self._bus(worker, mine, instant_us))
            tasks.update(dict.fromkeys(mine, task))
            for point in mine:
                self._remember(point, instant_us, task)
        found: dict[asyncio.Task[Answers], Answers] = {}
        for task in dict.fromkeys(tasks.values()):
            found[task] = await self._awaited(task)
        return {
            point: found[tasks[point]].get(point, ReadFailed(point, ReadFailure.STOPPING, f"{point}: it stops"))
            for point in places
        }

    async def _bus(self, worker: BusWorker, places: Mapping[PointId, Place], instant_us: int) -> Answers:
        """Read the points of one bus, so that the instant is in the middle; who does not answer comes last."""
        meters: dict[int, list[PointId]] = {}
        for point, place in places.items():
            meters.setdefault(place.device.unit, []).append(point)
        live = [mine for mine in meters.values() if _answers(places[mine[0]].device)]
        silent = [mine for mine in meters.values() if mine not in live]
        takes_us = sum(self._time_s(places[mine[0]]) for mine in live) * 1e6
        await self._hub.clock.sleep(max(0.0, (instant_us - takes_us / 2 - self._hub.clock.now_us()) / 1e6))
        answers = await asyncio.gather(
            *(self._measure(places[mine[0]], mine, instant_us) for mine in [*live, *silent])
        )
        return {point: answer for each in answers for point, answer in each.items()}

    def _remember(self, point: PointId, instant_us: int, task: asyncio.Task[Answers]) -> None:
        """Keep the plan until another one is made after its end."""
        waiting = {at_us: known for at_us, known in self._asked.get(point, {}).items() if not known.done()}
        self._asked[point] = {**waiting, instant_us: task}

    @staticmethod
    def _gave_nothing(task: asyncio.Task[Answers], point: PointId) -> bool:
        """Whether a plan has ended without a reading of this point: asking again tries again."""
        if not task.done():
            return False
        return task.cancelled() or task.exception() is not None or isinstance(task.result()[point], ReadFailed)

    @staticmethod
    async def _awaited(task: asyncio.Task[Answers]) -> Answers:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():  # the plugin stops; else it is the caller who was cancelled
                return {}
            raise


def _answers(device: Device) -> bool:
    return device.liveness in {Liveness.LIVE, Liveness.SUSPECT} and device.quarantined_for is None
