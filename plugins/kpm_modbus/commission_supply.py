"""What commissioning and supply control say to each other about a point."""

from __future__ import annotations

from hub.contracts.ids import PointId
from hub.contracts.relays import Desired
from hub.contracts.supply import SUPPLY, Commissioning, Supply
from hub.core.actions import NothingDone
from hub.core.errors import NotFound
from hub.core.plugins import PluginHub
from hub.core.principals import OWNER
from hub.core.storage import Tx
from plugins.kpm_modbus.commission_records import Step, evidence_of


class CommissioningRefused(NothingDone):
    """A step that was not taken, for the reason in its text."""


class SupplyAway(CommissioningRefused):
    """Supply control must be asked or told, and does not run."""


def supply_that_runs(hub: PluginHub, point: PointId, *, knows_the_point: bool) -> Supply | None:
    """Supply control, if it runs; raises `SupplyAway` when it does not and knows the point: it has a say then."""
    supply = hub.find(SUPPLY)
    if supply is None and knows_the_point:
        raise SupplyAway(f"{point}: supply control knows this point and does not run; try again once it does")
    return supply


async def supply_that_agrees(hub: PluginHub, point: PointId, *, knows_the_point: bool = False) -> Supply | None:
    """The same; raises when it wants the point off as well: then the relay is not ours to move."""
    supply = supply_that_runs(hub, point, knows_the_point=knows_the_point)
    if supply is None:
        return None
    try:
        view = await supply.view(OWNER, point)
    except NotFound:
        return supply
    if view.intent is not None and view.intent.desired is Desired.OPEN:
        reasons = ", ".join(entry.reason.value for entry in view.off) or "by its last decision"
        raise CommissioningRefused(f"{point}: supply control wants it off ({reasons}); settle that first")
    return supply


def tell_supply(supply: Supply | None, tx: Tx, point: PointId, stage: Commissioning, trip: Step | None) -> bool:
    """Tell supply control of a stage, with the evidence of the trip; whether it runs and knows the point."""
    if supply is None:
        return False
    try:
        supply.commissioning(tx, point, stage, None if trip is None else evidence_of(trip))
    except NotFound:
        return False
    return True
