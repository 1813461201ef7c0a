"""The core's own questions show nobody more than they may see, and its facade passes on what a plugin asks for."""

from __future__ import annotations

import asyncio

import pytest

from hub.core.actions import Call, CallEnded, CallTimedOut, Effect
from hub.core.errors import NotFound
from hub.core.plugins import Manifest, Plugin, PluginHub
from hub.core.principals import OWNER, Principal
from hub.core.registry import EntityWanted
from hub.testing import HubHarness


class Doors(Plugin):
    """Two doors, and an action that takes for ever."""

    manifest = Manifest(name="doors", version="1", description="Doors.")

    async def setup(self, hub: PluginHub) -> None:
        """Register all."""
        wanted = [EntityWanted(name, f"sensor.{name}", name) for name in ("door_anna", "door_bert")]
        for entity in await hub.add_entities(wanted):
            entity.set("shut")
        hub.actions.register(
            "doors.wait", self.wait, effect=Effect.LEVEL, description="Waits.", schema=None, limit_s=7.0
        )

    async def wait(self, call: Call) -> None:
        """Never return."""
        await asyncio.Event().wait()


ANNA = Principal("user:anna", frozenset({"*"}), {"entity": frozenset({"sensor.door_anna"})})


@pytest.mark.parametrize(
    ("principal", "asked", "hint"),
    [
        pytest.param(OWNER, "sensor.door_berta", " Did you mean 'sensor.door_bert'?", id="who sees it"),
        pytest.param(ANNA, "sensor.door_berta", " Did you mean 'sensor.door_anna'?", id="who sees another"),
        pytest.param(ANNA, "sensor.door_bert", " Did you mean 'sensor.door_anna'?", id="its very name"),
        pytest.param(Principal("user:eve", ANNA.permissions, {"entity": frozenset()}), "sensor.door_berta", "",
                     id="who sees none"),
    ],
)  # fmt: skip
async def test_an_unknown_entity_is_answered_with_a_name_that_the_asker_may_see(
    hub: HubHarness, principal: Principal, asked: str, hint: str
) -> None:
    await hub.load_plugin(Doors)
    with pytest.raises(NotFound) as refusal:
        await hub.kernel.queries.ask("entity.show", {"entity_id": asked}, principal)
    assert str(refusal.value) == f"there is no entity {asked!r}.{hint}"


async def test_a_plugins_action_ends_at_the_limit_that_the_plugin_set(hub: HubHarness) -> None:
    await hub.load_plugin(Doors)
    with pytest.raises(CallTimedOut, match=r"doors.wait: doors did not finish the call within 7 s"):
        await hub.call("doors.wait")


async def test_a_plugin_that_stops_takes_its_calls_under_way_with_it(hub: HubHarness) -> None:
    await hub.load_plugin(Doors)
    call = asyncio.ensure_future(hub.call("doors.wait", key="k"))
    await hub.advance(1)
    await hub.unload_plugin("doors")
    with pytest.raises(CallEnded):
        await call
