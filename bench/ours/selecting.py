"""A thousand live selectors while ten thousand entities arrive."""

from __future__ import annotations

import asyncio
import time

from bench.ours.running import OWNER, Figures, with_hub
from bench.timing import Params, whole
from hub.core.hub import Hub
from hub.core.selectors import Selector


def arrivals(params: Params) -> Figures:
    """Each arrival finds its selections by globs, ids and domains; what it costs over a hub without selectors."""

    async def work(hub: Hub) -> Figures:
        entities, selectors = whole(params, "entities"), whole(params, "selectors")
        names = [_name(position) for position in range(entities)]
        bare_s = await _arrive(hub, names)
        for name in names:
            hub.kernel.states.remove(name)
        told = 0

        def added(_: str) -> None:
            nonlocal told
            told += 1

        for number in range(selectors):
            hub.kernel.selections.open(_selector(number, entities), owner=OWNER, on_add=added)
        took_s = await _arrive(hub, names)
        assert told >= entities, "every entity belongs to at least one selection"
        return {"arrival_us": took_s / entities * 1e6, "bare_arrival_us": bare_s / entities * 1e6, "told": told}

    return with_hub(params, work)


def _name(position: int) -> str:
    return f"sensor.floor_{position % 20}_shop_{position}_{('voltage', 'power', 'energy')[position % 3]}"


def _selector(number: int, entities: int) -> Selector:
    kind = number % 10
    if number < 3:
        return Selector(globs=(f"sensor.*_{('voltage', 'power', 'energy')[number]}",))
    if kind < 4:
        return Selector(globs=(f"sensor.floor_{number % 20}_shop_{number}*",))
    if kind < 6:
        return Selector(globs=(f"*_shop_{number}_power",))
    if kind < 9:
        return Selector(entity_ids=tuple(_name((number * 7 + step) % entities) for step in range(10)))
    return Selector(globs=(f"sensor.floor_?_shop_*{number}_energy",))


async def _arrive(hub: Hub, names: list[str]) -> float:
    began = time.perf_counter()
    for position, name in enumerate(names):
        if position % 500 == 0:
            await asyncio.sleep(0)
        hub.kernel.states.set(name, 1.5, unit="V")
    return time.perf_counter() - began
