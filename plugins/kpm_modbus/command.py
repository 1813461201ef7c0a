"""`hub modbus`: meters, buses and relays from the command line."""

from __future__ import annotations

import click

from plugins.kpm_modbus.verbs.commission import commission
from plugins.kpm_modbus.verbs.direct import poll, scan
from plugins.kpm_modbus.verbs.profiles import profile, show_plan
from plugins.kpm_modbus.verbs.read import read
from plugins.kpm_modbus.verbs.status import status


@click.group()
def modbus() -> None:
    """Look at Modbus buses and meters, and commission them."""


for verb in (status, read, commission, poll, scan, show_plan, profile):
    modbus.add_command(verb)
