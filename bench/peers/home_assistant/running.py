"""A Home Assistant core that runs for a measurement: registries, loader, restored states, and no integration."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from homeassistant import bootstrap, loader, runner
from homeassistant.config_entries import ConfigEntries
from homeassistant.const import __version__
from homeassistant.core import CoreState, HomeAssistant

from bench.timing import Params, folder

Figures = dict[str, object]
MEASURED_VERSION = "2025.4.4"


def with_hass(params: Params, work: Callable[[HomeAssistant], Awaitable[Figures]]) -> Figures:
    """Run work with a started core, on Home Assistant's own event loop policy."""
    assert __version__ == MEASURED_VERSION, f"this is Home Assistant {__version__}, the peer is {MEASURED_VERSION}"
    asyncio.set_event_loop_policy(runner.HassEventLoopPolicy(debug=False))
    return asyncio.run(_run(params, work))


async def _run(params: Params, work: Callable[[HomeAssistant], Awaitable[Figures]]) -> Figures:
    config = folder(params) / "config"
    config.mkdir(parents=True, exist_ok=True)
    hass = HomeAssistant(str(config))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await bootstrap.async_load_base_functionality(hass)
    await hass.async_start()
    assert hass.state is CoreState.running
    try:
        return await work(hass)
    finally:
        await hass.async_stop(force=True)


def entity_id(position: int) -> str:
    """The entity id of one of many."""
    return f"sensor.shop_{position}_voltage"


def attributes(position: int) -> dict[str, object]:
    """Four attributes; the unit, which is a field of its own with us, is one of them."""
    return {
        "friendly_name": f"Shop {position} voltage",
        "device_class": "voltage",
        "unit_of_measurement": "V",
        "serial": f"KPM33-{position:06d}",
    }
