"""Messages in their first form: staff notices go durably to the log, the only channel so far."""

from __future__ import annotations

import voluptuous as vol

from hub.contracts.notify import STAFF
from hub.core.actions import Call, Effect
from hub.core.plugins import Manifest, Plugin, PluginHub


class NotifyPlugin(Plugin):
    """Tells staff."""

    manifest = Manifest(
        name="notify",
        version="0.1.0",
        description="Messages to people; in this first form to the log.",
        is_default=True,
    )

    async def setup(self, hub: PluginHub) -> None:
        """Offer the action."""

        async def tell_staff(call: Call) -> dict[str, str]:
            hub.log.warning("to staff: %s", call.data["message"])
            return {"channel": "log"}

        hub.actions.register(
            STAFF,
            tell_staff,
            effect=Effect.OUTBOX,
            description="Tell the staff something; delivered at least once.",
            schema={vol.Required("message"): vol.All(str, vol.Length(1, 2000))},
        )
