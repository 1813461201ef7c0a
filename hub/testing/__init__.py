"""For plugin authors: a real hub in virtual time as a pytest fixture, fakes of every contract, a contract test."""

from hub.testing.harness import HubHarness, start_hub
from hub.testing.plugin_contract import PluginContract

__all__ = ["HubHarness", "PluginContract", "start_hub"]
