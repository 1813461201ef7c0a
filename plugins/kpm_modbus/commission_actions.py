"""The steps of commissioning as actions, and its record as a query: what `hub modbus commission` asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from hub.contracts.ids import PointId
from hub.contracts.naming import action_name
from hub.core.actions import Call, Effect
from hub.core.plugins import PluginHub
from hub.core.principals import Principal
from plugins.kpm_modbus import commission_records as records
from plugins.kpm_modbus.commissioning import Commissioner

PERMISSION = "modbus.commission"
"""For owners and installers: all steps of a session need the same one."""

BEGIN = action_name("modbus", "commission_begin")
IDENTIFY = action_name("modbus", "commission_identify")
TRIP = action_name("modbus", "commission_trip")
RESTORE = action_name("modbus", "commission_restore")
FINISH = action_name("modbus", "commission_finish")
SESSIONS = "modbus.commissioning"

SESSIONS_MAX = 100
RETURNS = "The session: its steps with their evidence, and how it ended if it has."


class CommissioningActions:
    """Calls turned into steps."""

    def __init__(self, hub: PluginHub, commissioner: Commissioner) -> None:
        """Offer a commissioner's steps."""
        self._hub = hub
        self._commissioner = commissioner

    async def begin(self, call: Call) -> object:
        """Open a session."""
        point = PointId(call.data["point"])
        return (await self._commissioner.begin(point, call.principal.actor)).described()

    async def identify(self, call: Call) -> object:
        """Prove who answers."""
        return (await self._commissioner.identify(call.data["session"], call.principal.actor)).described()

    async def trip(self, call: Call) -> object:
        """Open the relay."""
        session = await self._commissioner.trip(
            call.data["session"], call.principal.actor, is_right_meter=call.data["is_right_meter"]
        )
        return session.described()

    async def restore(self, call: Call) -> object:
        """Close it again."""
        session = await self._commissioner.restore(
            call.data["session"], call.principal.actor, is_power_off=call.data["is_power_off"]
        )
        return session.described()

    async def finish(self, call: Call) -> object:
        """End the session."""
        session = await self._commissioner.finish(
            call.data["session"], call.principal.actor, is_power_back=call.data["is_power_back"],
            note=call.data["note"],
        )  # fmt: skip
        return session.described()

    async def sessions(self, principal: Principal, params: Mapping[str, Any]) -> object:
        """The sessions on record that the principal may see, the newest first."""
        point = None if params.get("point") is None else PointId(str(params["point"]))
        found = await self._hub.db.read(lambda reader: records.recorded(reader, point, SESSIONS_MAX))
        return [session.described() for session in found if principal.sees("point", session.point)]


def register_commissioning(hub: PluginHub, commissioner: Commissioner) -> None:
    """Offer the steps, and the record of them."""
    actions = CommissioningActions(hub, commissioner)
    session = {vol.Required("session"): str}
    hub.actions.register(
        BEGIN,
        actions.begin,
        effect=Effect.LEVEL,
        permission=PERMISSION,
        description="Open a commissioning session on a point: nothing moves yet; supply control leaves it alone.",
        schema={vol.Required("point"): str},
        returns=RETURNS,
    )
    hub.actions.register(
        IDENTIFY,
        actions.identify,
        effect=Effect.LEVEL,
        permission=PERMISSION,
        description="Read the meter's serial number and where its relay stands; the wrong number ends the session.",
        schema=session,
        returns=RETURNS,
    )
    hub.actions.register(
        TRIP,
        actions.trip,
        effect=Effect.UNSAFE,
        permission=PERMISSION,
        description="Open the relay of a session whose meter is proven, and which a person says is the right one.",
        schema={**session, vol.Required("is_right_meter"): bool},
        returns=RETURNS,
    )
    hub.actions.register(
        RESTORE,
        actions.restore,
        effect=Effect.UNSAFE,
        permission=PERMISSION,
        description="Close the relay that a session has opened, and note whether a person saw the power go off.",
        schema={**session, vol.Required("is_power_off"): bool},
        returns=RETURNS,
    )
    hub.actions.register(
        FINISH,
        actions.finish,
        effect=Effect.UNSAFE,
        permission=PERMISSION,
        description="End a session: passed if each step was right and a person saw it; the relay is left closed.",
        schema={**session, vol.Required("is_power_back"): bool, vol.Optional("note", default=""): str},
        returns=RETURNS,
    )
    hub.answer(
        SESSIONS,
        actions.sessions,
        description="The commissioning sessions on record, of a `point` or of all, the newest first.",
        permission=PERMISSION,
    )
