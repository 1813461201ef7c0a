"""A hub that runs for a measurement: a real one on a real disk, without a site's plugins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.timing import Params, folder
from hub.core.clock import Clock, SystemClock
from hub.core.hub import Hub
from hub.core.ids import Ids, SystemIds
from hub.core.registry import EntityWanted
from hub.core.site import Site

Figures = Mapping[str, object]
OWNER = "bench"


def make_hub(site_folder: Path, clock: Clock | None = None, ids: Ids | None = None) -> Hub:
    """A hub as `hub run` makes it, on a site without plugins; in real time unless it is given a clock."""
    (site_folder / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
    site = Site(site_folder, "Benchmark", ZoneInfo("Asia/Shanghai"), {})
    return Hub(site, clock or SystemClock(), ids or SystemIds(), found=[])


@asynccontextmanager
async def running(params: Params) -> AsyncIterator[Hub]:
    """A started hub in the child's own folder."""
    hub = make_hub(folder(params))
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


def with_hub(params: Params, work: Callable[[Hub], Awaitable[Figures]]) -> Figures:
    """Run work with a started hub."""

    async def run() -> Figures:
        async with running(params) as hub:
            return await work(hub)

    return asyncio.run(run())


def wanted(position: int) -> EntityWanted:
    """What a plugin would say of one of many meters' values."""
    return EntityWanted(
        f"bench-{position}", entity_id(position), f"Shop {position} voltage", unit="V", period_us=900_000_000
    )


def entity_id(position: int) -> str:
    """The entity id of one of many."""
    return f"sensor.shop_{position}_voltage"


def attributes(position: int) -> dict[str, object]:
    """Four attributes, as both sides carry them."""
    return {
        "friendly_name": f"Shop {position} voltage",
        "device_class": "voltage",
        "state_class": "measurement",
        "serial": f"KPM33-{position:06d}",
    }
