"""Memory: the core before its first entity, and each entity (object, registry entry, state) after that."""

from __future__ import annotations

import logging
import tracemalloc

from homeassistant.components.sensor import SensorEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry
from homeassistant.helpers.entity_component import EntityComponent

from bench.peers.home_assistant.running import Figures, with_hass
from bench.timing import Params, resident_bytes, whole

BATCH = 500


def resident(params: Params) -> Figures:
    """By the resident memory of the process."""

    async def work(hass: HomeAssistant) -> Figures:
        before = resident_bytes()
        count = await _add_entities(hass, whole(params, "entities"))
        return {"process_mb": before / 1e6, "entity_kb": (resident_bytes() - before) / count / 1e3}

    return with_hass(params, work)


def traced(params: Params) -> Figures:
    """By what Python allocated and still holds."""

    async def work(hass: HomeAssistant) -> Figures:
        resident_bytes()
        tracemalloc.start()
        count = await _add_entities(hass, whole(params, "entities"))
        resident_bytes()
        return {"entity_kb": tracemalloc.get_traced_memory()[0] / count / 1e3}

    return with_hass(params, work)


class _Voltage(SensorEntity):  # type: ignore[misc]
    _attr_should_poll = False
    _attr_device_class = "voltage"
    _attr_native_unit_of_measurement = "V"

    def __init__(self, position: int) -> None:
        self.entity_id = f"sensor.shop_{position}_voltage"
        self._attr_unique_id = f"bench-{position}"
        self._attr_name = f"Shop {position} voltage"
        self._attr_native_value = 230.5 + position % 100
        self._attr_extra_state_attributes = {"serial": f"KPM33-{position:06d}"}


async def _add_entities(hass: HomeAssistant, count: int) -> int:
    component: EntityComponent[_Voltage] = EntityComponent(logging.getLogger("bench"), "sensor", hass)
    for start in range(0, count, BATCH):
        await component.async_add_entities(
            [_Voltage(position) for position in range(start, min(start + BATCH, count))]
        )
    await hass.async_block_till_done()
    assert len(hass.states.async_all()) == len(entity_registry.async_get(hass).entities) == count
    return count
