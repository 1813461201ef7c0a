"""The plugin host: discovery by pluggy, life by asyncio, and nobody's fault is anybody else's."""

from hub.core.plugins.discovery import Broken, Found, discover, discover_all, discover_folder, hidden_by
from hub.core.plugins.entities import EntityHandle
from hub.core.plugins.facade import PluginDatabase, PluginHub
from hub.core.plugins.host import PluginHost
from hub.core.plugins.manifest import Check, CheckResult, Manifest, Plugin
from hub.core.plugins.section import check_section
from hub.core.plugins.status import PluginChanged, PluginState, PluginStatus

__all__ = [
    "Broken",
    "Check",
    "CheckResult",
    "EntityHandle",
    "Found",
    "Manifest",
    "Plugin",
    "PluginChanged",
    "PluginDatabase",
    "PluginHost",
    "PluginHub",
    "PluginState",
    "PluginStatus",
    "check_section",
    "discover",
    "discover_all",
    "discover_folder",
    "hidden_by",
]
