"""The rule engine keeps the promises of every plugin."""

from __future__ import annotations

from decimal import Decimal

from hub.automation.plugin import AutomationPlugin
from hub.testing import HubHarness, PluginContract

RULE = """
- id: dark
  triggers:
    - {trigger: numeric_state, entity_id: sensor.light, at_or_below: 0}
  actions:
    - {action: lamp.switch, data: {is_on: true}}
"""


class TestAutomation(PluginContract):
    """One rule that fires while it is watched."""

    plugin = AutomationPlugin

    async def prepare(self, hub: HubHarness) -> None:
        """Write the rule, and offer the action that it calls."""
        await super().prepare(hub)
        rules = hub.hub.site.folder / "automations"
        rules.mkdir(exist_ok=True)
        (rules / "dark.yaml").write_text(RULE)
        if "lamp.switch" not in {action.name for action in hub.kernel.actions.all()}:
            self.calls = hub.capture_calls("lamp.switch")

    async def exercise(self, hub: HubHarness) -> None:
        """Let it get dark, twice."""
        for light in (5, 0, 5, 0):
            hub.set_state("sensor.light", Decimal(light))
            await hub.advance("10 min")
        assert self.calls == [{"is_on": True}] * 2
