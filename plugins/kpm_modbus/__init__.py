"""The Modbus field layer; Compere's meters are its first profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.hookspecs import hookimpl

if TYPE_CHECKING:
    import click

    from hub.core.plugins import Plugin


@hookimpl
def hub_plugin() -> type[Plugin]:
    """The field layer."""
    from plugins.kpm_modbus.plugin import ModbusPlugin

    return ModbusPlugin


@hookimpl
def hub_commands(cli: click.Group) -> None:
    """Add `hub modbus`."""
    from plugins.kpm_modbus.command import modbus

    cli.add_command(modbus)
