"""Prepaid accounts: what was used is charged, what was paid is credited, and supply follows the balance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.hookspecs import hookimpl

if TYPE_CHECKING:
    import click

    from hub.core.plugins import Plugin


@hookimpl
def hub_plugin() -> type[Plugin]:
    """The prepaid plugin."""
    from plugins.prepaid.plugin import PrepaidPlugin

    return PrepaidPlugin


@hookimpl
def hub_commands(cli: click.Group) -> None:
    """Add `hub tariff`."""
    from plugins.prepaid.commands.tariff import tariff

    cli.add_command(tariff)
