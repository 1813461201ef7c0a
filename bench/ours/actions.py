"""Action calls: looked up, permitted, validated, run under a context, the response awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from bench.ours.running import OWNER, Figures, with_hub
from bench.timing import Params, rate, whole
from hub.core.actions import Call, Effect
from hub.core.hub import Hub

SCHEMA = {vol.Required("name"): str, vol.Required("value"): int}


def plain(params: Params) -> Figures:
    """No data, no schema."""
    return with_hub(params, lambda hub: _calls(hub, params, None, {}))


def with_schema(params: Params) -> Figures:
    """Two fields, both required and checked."""
    return with_hub(params, lambda hub: _calls(hub, params, SCHEMA, {"name": "shop_1", "value": 5}))


async def _calls(hub: Hub, params: Params, schema: Mapping[Any, Any] | None, data: Mapping[str, object]) -> Figures:
    done = 0

    async def note(call: Call) -> None:
        nonlocal done
        done += 1

    hub.kernel.actions.register(
        "bench.note", note, owner=OWNER, effect=Effect.LEVEL, description="Counts its calls.", schema=schema
    )
    count = whole(params, "calls")
    before = 0

    def prepare() -> None:
        nonlocal before
        before = done

    async def call_all() -> int:
        call = hub.kernel.actions.call
        for number in range(count):
            if number % 1000 == 0:
                await asyncio.sleep(0)
            await call("bench.note", data)
        return count

    def check(called: int) -> None:
        assert done - before == called

    return {"calls_per_s": await rate(call_all, whole(params, "repetitions"), before=prepare, after=check)}
