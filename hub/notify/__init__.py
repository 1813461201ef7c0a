"""Messages to people: a durable outbox in front of channels."""

from hub.core.plugins import Plugin
from hub.hookspecs import hookimpl


@hookimpl
def hub_plugin() -> type[Plugin]:
    """The notifier."""
    from hub.notify.plugin import NotifyPlugin

    return NotifyPlugin
