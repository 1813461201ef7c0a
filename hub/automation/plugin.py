"""The rule engine as a plugin."""

from __future__ import annotations

from hub.automation.engine import MIGRATIONS, Engine
from hub.automation.rules import load_rules
from hub.core.plugins import Manifest, Plugin, PluginHub


class AutomationPlugin(Plugin):
    """Loads the site's rules and runs them."""

    manifest = Manifest(
        name="automation",
        version="0.1.0",
        description="Rules from automations/*.yaml, with latched thresholds and durable runs.",
        after=("kpm_modbus", "prepaid", "notify"),
        migrations=MIGRATIONS,
        critical=True,
        is_default=True,
    )

    async def setup(self, hub: PluginHub) -> None:
        """Load every rule and attach it."""
        await Engine(hub, load_rules(hub.site.folder)).start()
