"""`hub run`: a site's hub in the foreground, for a person or a service manager."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from hub.cli.foreground import Foreground
from hub.cli.logs import set_up_logging
from hub.cli.options import folder_argument
from hub.cli.prepared import prepare_hub
from hub.core.service_manager import ServiceManager


@click.command("run")
@folder_argument
@click.option("--safe", is_flag=True, help="Start only the plugins that come with Hub.")
def command(folder: Path, *, safe: bool) -> None:
    """Run a site's hub in the foreground.

    Ctrl-C or SIGTERM stops it in order; a second one stops it at once. After 3 starts in a row that never came to
    run, it starts as with --safe; once that runs, the next start is a normal one again.
    """
    set_up_logging(logging.INFO)
    manager = ServiceManager()
    hub, starts = prepare_hub(folder, safe=safe)
    hub.on_stage = manager.allow
    asyncio.run(Foreground(hub, manager, starts).run())
