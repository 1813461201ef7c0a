"""Prepaid accounts: what was used is charged, what was paid is credited, and supply follows the balance."""

from hub.core.plugins import Plugin
from hub.hookspecs import hookimpl


@hookimpl
def hub_plugin() -> type[Plugin]:
    """The prepaid plugin."""
    from plugins.prepaid.plugin import PrepaidPlugin

    return PrepaidPlugin
