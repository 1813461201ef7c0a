"""A field with supply control beside it, and a person who walks a point through its commissioning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from field_hall import Field, point_of, start_field

from hub.contracts.ids import AccountId
from hub.contracts.supply import SUPPLY
from hub.core.principals import Principal
from hub.testing import HubHarness
from hub.testing.fakes import FakeSupply

CHEN = Principal("os:chen", frozenset({"modbus.commission"}))
LI = Principal("os:li", frozenset({"modbus.commission"}))
UNIT = 1
POINT = point_of(UNIT)


@dataclass
class Person:
    """Somebody at the panel of unit 1, with the session that they hold."""

    hub: HubHarness
    principal: Principal = CHEN
    session: Mapping[str, Any] = field(default_factory=dict)

    async def begin(self) -> Mapping[str, Any]:
        return await self._do("begin", point=POINT)

    async def identify(self) -> Mapping[str, Any]:
        return await self._do("identify", session=self.session["session"])

    async def trip(self, *, is_right_meter: bool = True) -> Mapping[str, Any]:
        return await self._do("trip", session=self.session["session"], is_right_meter=is_right_meter)

    async def restore(self, *, is_power_off: bool = True) -> Mapping[str, Any]:
        return await self._do("restore", session=self.session["session"], is_power_off=is_power_off)

    async def finish(self, *, is_power_back: bool = True) -> Mapping[str, Any]:
        return await self._do("finish", session=self.session["session"], is_power_back=is_power_back)

    async def on_record(self) -> list[Mapping[str, Any]]:
        found = await self.hub.kernel.queries.ask("modbus.commissioning", {"point": POINT}, self.principal)
        assert isinstance(found, list)
        return found

    async def _do(self, step: str, **data: object) -> Mapping[str, Any]:
        self.session = await self.hub.call(f"modbus.commission_{step}", data, principal=self.principal)
        return self.session


@dataclass
class Stage:
    """The field, its supply control and the person."""

    hub: HubHarness
    field: Field
    supply: FakeSupply
    chen: Person
    take_supply_away: Callable[[], None]

    def is_closed(self) -> bool:
        return self.field.bus.meters[UNIT].is_closed

    async def is_manual_only(self) -> bool:
        return (await self.supply.view(CHEN, POINT)).is_manual_only


async def set_stage(hub: HubHarness, *, supply_knows: bool = True) -> Stage:
    """Two meters that answer; supply control knows the first as manual only."""
    supply = FakeSupply(hub.kernel.db, hub.clock)
    await supply.open()
    if supply_knows:
        await supply.add_point(POINT, AccountId("noodle_bar"), is_manual_only=True)
    withdraw = hub.kernel.services.provide(SUPPLY, supply, owner="test")
    fielded = await start_field(hub, 2)
    await hub.advance("15 s")
    return Stage(hub, fielded, supply, Person(hub), withdraw)
