"""The notifier keeps the promises of every plugin."""

from __future__ import annotations

from hub.contracts.notify import STAFF
from hub.notify.plugin import NotifyPlugin
from hub.testing import HubHarness, PluginContract


class TestNotify(PluginContract):
    """Staff are told something."""

    plugin = NotifyPlugin

    async def exercise(self, hub: HubHarness) -> None:
        """Tell them."""
        await hub.call(STAFF, {"message": "the hall is dark"})
        await super().exercise(hub)
