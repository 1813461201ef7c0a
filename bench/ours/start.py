"""How long a start takes when the database already knows thousands of entities with their last states."""

from __future__ import annotations

import asyncio
import time

from bench.ours.memory import add_entities
from bench.ours.running import Figures, running, with_hub
from bench.timing import Params, number, whole
from hub.core.hub import Hub, Phase
from hub.core.states import STALE


def prepare(params: Params) -> Figures:
    """Make the site once: run a hub, register the entities, stop in order."""

    async def work(hub: Hub) -> Figures:
        return {"entities": await add_entities(hub, whole(params, "entities"))}

    return with_hub(params, work)


def start(params: Params) -> Figures:
    """From the start of the process to `running`, interpreter and imports included."""

    async def work() -> Figures:
        async with running(params) as hub:
            running_s = time.monotonic() - number(params, "spawned_s")
            assert hub.phase is Phase.RUNNING
            expected = whole(params, "entities")
            assert len(hub.kernel.registry) == len(hub.kernel.states) == expected
            assert all(state.quality is STALE and state.value is not None for state in hub.kernel.states)
            return {"start_s": running_s}

    return asyncio.run(work())
