"""Service calls that wait for their end, by a callback and by a coroutine handler."""

from __future__ import annotations

import asyncio
from functools import partial

import voluptuous as vol
from homeassistant.core import HomeAssistant, ServiceCall, callback

from bench.peers.home_assistant.running import Figures, with_hass
from bench.timing import Params, rate, whole

SCHEMA = vol.Schema({vol.Required("name"): str, vol.Required("value"): int})


def plain(params: Params) -> Figures:
    """No data, no schema."""
    return with_hass(params, lambda hass: _calls(hass, params, None, {}))


def with_schema(params: Params) -> Figures:
    """Two fields, both required and checked."""
    return with_hass(params, lambda hass: _calls(hass, params, SCHEMA, {"name": "shop_1", "value": 5}))


async def _calls(
    hass: HomeAssistant, params: Params, schema: vol.Schema | None, data: dict[str, object]
) -> Figures:
    done = 0

    def note(call: ServiceCall) -> None:
        nonlocal done
        done += 1

    async def note_later(call: ServiceCall) -> None:
        nonlocal done
        done += 1

    hass.services.async_register("bench", "callback", callback(note), schema=schema)
    hass.services.async_register("bench", "coroutine", note_later, schema=schema)
    count, repetitions = whole(params, "calls"), whole(params, "repetitions")
    before = 0

    def prepare() -> None:
        nonlocal before
        before = done

    async def call_all(service: str) -> int:
        call = hass.services.async_call
        for number in range(count):
            if number % 1000 == 0:
                await asyncio.sleep(0)
            await call("bench", service, data, blocking=True)
        return count

    def check(called: int) -> None:
        assert done - before == called

    return {
        f"{service}_calls_per_s": await rate(partial(call_all, service), repetitions, before=prepare, after=check)
        for service in ("callback", "coroutine")
    }
