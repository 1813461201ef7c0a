"""The Modbus field layer; Compere's meters are its first profiles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hub.hookspecs import hookimpl

if TYPE_CHECKING:
    import click

    from hub.core.config import ConfigError
    from hub.core.plugins import Plugin
    from hub.core.site import Site


@hookimpl
def hub_plugin() -> type[Plugin]:
    """The field layer."""
    from plugins.kpm_modbus.plugin import ModbusPlugin

    return ModbusPlugin


@hookimpl
def hub_check(site: Site) -> Iterable[ConfigError]:
    """What is wrong with the buses and meters of a site, their profiles included."""
    section = site.plugins.get("kpm_modbus")
    if section is None:
        return []
    from plugins.kpm_modbus.configuration_check import faults_of

    return faults_of(section, site.folder)


@hookimpl
def hub_commands(cli: click.Group) -> None:
    """Add `hub modbus`."""
    from plugins.kpm_modbus.command import modbus

    cli.add_command(modbus)
