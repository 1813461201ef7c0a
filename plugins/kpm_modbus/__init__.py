"""The Modbus field layer; Compere's meters are its first profiles."""

from hub.core.plugins import Plugin
from hub.hookspecs import hookimpl


@hookimpl
def hub_plugin() -> type[Plugin]:
    """The field layer."""
    from plugins.kpm_modbus.plugin import ModbusPlugin

    return ModbusPlugin
