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
    """Add the verbs of tariffs, places and money."""
    import plugins.prepaid.commands.tariffs  # noqa: F401 - it adds its verbs to `hub tariff`
    from plugins.prepaid.commands.account import account
    from plugins.prepaid.commands.batch import batch, batch_limits
    from plugins.prepaid.commands.contract import contract
    from plugins.prepaid.commands.ledger import ledger
    from plugins.prepaid.commands.meter import meter
    from plugins.prepaid.commands.moves import VERBS
    from plugins.prepaid.commands.site import site
    from plugins.prepaid.commands.statement import statement
    from plugins.prepaid.commands.tariff import tariff
    from plugins.prepaid.commands.topup import receipt, topup

    for move in (topup, receipt, batch, batch_limits, *VERBS):
        account.add_command(move)
    for verb in (tariff, account, contract, meter, site, statement, ledger):
        cli.add_command(verb)
