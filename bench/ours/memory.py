"""Memory: the process before its first entity, and each entity (registry entry and state) after that."""

from __future__ import annotations

import tracemalloc

from bench.ours.running import OWNER, Figures, attributes, entity_id, wanted, with_hub
from bench.timing import Params, resident_bytes, whole
from hub.core.hub import Hub

BATCH = 500


def resident(params: Params) -> Figures:
    """By the resident memory of the process."""

    async def work(hub: Hub) -> Figures:
        before = resident_bytes()
        count = await add_entities(hub, whole(params, "entities"))
        return {"process_mb": before / 1e6, "entity_kb": (resident_bytes() - before) / count / 1e3}

    return with_hub(params, work)


def traced(params: Params) -> Figures:
    """By what Python allocated and still holds."""

    async def work(hub: Hub) -> Figures:
        resident_bytes()
        tracemalloc.start()
        count = await add_entities(hub, whole(params, "entities"))
        resident_bytes()
        return {"entity_kb": tracemalloc.get_traced_memory()[0] / count / 1e3}

    return with_hub(params, work)


async def add_entities(hub: Hub, count: int) -> int:
    """Register entities as a plugin does, in batches, and give each a state."""
    for start in range(0, count, BATCH):
        batch = range(start, min(start + BATCH, count))
        await hub.kernel.registry.ensure_entities([wanted(position) for position in batch], owner=OWNER)
        for position in batch:
            hub.kernel.states.set(
                entity_id(position), 230.5 + position % 100, unit="V", attributes=attributes(position)
            )
    assert len(hub.kernel.registry) == len(hub.kernel.states) == count
    return count
