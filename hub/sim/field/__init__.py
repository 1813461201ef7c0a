"""A simulated field: any profile's meters, at the port in virtual time, as bytes, and for real clients."""

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
    """The simulator."""
    from hub.sim.field.plugin import SimulatorPlugin

    return SimulatorPlugin


@hookimpl
def hub_check(site: Site) -> Iterable[ConfigError]:
    """What is wrong with the simulated meters of a site."""
    section = site.plugins.get("simulator")
    if section is None:
        return []
    from hub.sim.field.config import check_whole

    return check_whole(section, site.folder)


@hookimpl
def hub_commands(cli: click.Group) -> None:
    """Add `hub sim`."""
    from hub.sim.field.command import sim

    cli.add_command(sim)
