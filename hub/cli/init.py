"""`hub init`: a new site."""

from __future__ import annotations

import os
from pathlib import Path

import click

from hub.cli.site_files import FILES
from hub.core.errors import HubError


class FolderTaken(HubError):
    """The folder has a site in it, or part of one."""


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def command(folder: Path) -> None:
    """Make a new site in DIR, with a commented configuration.

    DIR may exist and hold other files, but none that would be written.
    """
    make_site(folder)
    click.echo(f"Made a site in {folder}. Next:")
    click.echo(f"  edit {folder / 'hub.yaml'}")
    click.echo(f"  hub check {folder}")
    click.echo(f"  hub run {folder}")


def make_site(folder: Path) -> None:
    """Write the files of a new site; refuses when one of them is there already, before it writes any."""
    present = [name for name in FILES if os.path.lexists(folder / name)]
    if present:
        raise FolderTaken(f"{folder} has {', '.join(present)} already; choose another folder, or edit those")
    try:
        for name, (text, mode) in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
    except OSError as error:
        raise FolderTaken(f"{error.filename} cannot be written: {error.strerror}; choose another folder") from error
