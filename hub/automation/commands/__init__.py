"""`hub rules`: check, watch, rehearse and switch rules."""

from __future__ import annotations

import click

from hub.automation.commands.checking import check
from hub.automation.commands.looking import approvals, list_, preview, trace, why
from hub.automation.commands.rehearsing import backtest, replay
from hub.automation.commands.switching import approve, cancel, disable, enable, reload, run


@click.group("rules")
def rules() -> None:
    """Check, watch, rehearse and switch rules."""


for _command in (
    check, list_, preview, replay, backtest, trace, why, run, enable, disable, reload, approvals, approve, cancel,
):  # fmt: skip
    rules.add_command(_command)
