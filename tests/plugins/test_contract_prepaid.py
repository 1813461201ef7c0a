"""Prepaid accounts keep the promises of every plugin, over fakes of the field."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hub.contracts.ids import PointId
from hub.contracts.metering import READINGS
from hub.contracts.relays import RELAYS
from hub.core.services import ServiceKey
from hub.testing import HubHarness, PluginContract
from hub.testing.fakes import FakeReadings, FakeRelays
from plugins.prepaid.plugin import PrepaidPlugin

POINT = PointId("stall_07")


class TestPrepaid(PluginContract):
    """One account that pays once, and is charged for what its meter reads."""

    plugin = PrepaidPlugin
    config = {  # noqa: RUF012 - the contract declares it a ClassVar
        "opening": {"places": [{"point": POINT, "account": "noodle_house", "tariff": "flat"}]},
    }
    bad_config = "opening:\n  places:\n    - {point: stall_07, tariff: flat}\n"

    def services(self, hub: HubHarness) -> Mapping[ServiceKey[Any], object]:
        """A meter and a relay."""
        self.readings = FakeReadings(hub.clock, publish=hub.fire)
        self.readings.add_meter(POINT)
        relays = FakeRelays(hub.clock, publish=hub.fire)
        relays.add_relay(POINT)
        return {READINGS: self.readings, RELAYS: relays}

    async def exercise(self, hub: HubHarness) -> None:
        """Pay, use some, and ask for a trip that has no grounds."""
        await hub.call("topup.cash", {"account": "noodle_house", "amount": Decimal(5), "receipt": "r1"}, key="r1")
        for _ in range(3):
            self.readings.use(POINT, 100)
            await self.readings.poll(POINT)
            await hub.advance("10 min")
        await hub.call("supply.disconnect", {"point": POINT})
        await super().exercise(hub)
