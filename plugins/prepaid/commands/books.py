"""A site's books while no hub runs there, or beside one that does: opened for reading only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from hub.core.config import ConfigDict
from hub.core.control import NoHub
from hub.core.errors import HubError
from hub.core.site import load_site
from hub.core.storage import Reader
from hub.core.storage.access import Access
from hub.core.storage.connections import open_reader
from hub.core.storage.errors import fault_of
from plugins.prepaid.commands.reaching import ask
from plugins.prepaid.statements.gathering import SiteMoney

T = TypeVar("T")

OWNER = "prepaid"


class NoBooks(HubError):
    """No hub has kept books in a folder yet."""


def read_books(folder: Path, fn: Callable[[Reader], T]) -> T:
    """Run a function on one snapshot of a site's books."""
    database = folder.absolute().joinpath("data", "hub.db")
    if not database.exists():
        raise NoBooks(f"no hub has kept books in {folder.absolute()} yet; name the site's folder with --folder")
    connection = open_reader(database)
    try:
        connection.execute("BEGIN")
        return fn(Reader(connection, Access(connection), OWNER))
    except sqlite3.Error as error:
        raise fault_of(error, str(database)) or NoBooks(
            f"{database} cannot be read by this version ({error}); start the hub once, that updates it"
        ) from error
    finally:
        connection.close()


def ask_or_read(folder: Path, query: str, params: dict[str, Any], read: Callable[[Reader], Any]) -> Any:
    """The answer of the running hub, or what the files say when none runs; that is said on stderr."""
    try:
        return ask(folder, query, params)
    except NoHub:
        click.echo("(no hub runs here; this is what it left in its files)", err=True)
        return read_books(folder, read)


def site_money(folder: Path) -> SiteMoney:
    """What statements say about the site, from its configuration."""
    site = load_site(folder.absolute())
    section = site.plugins.get(OWNER, ConfigDict())
    scale = section.get("scale", 2)
    return SiteMoney(site.name, str(section.get("currency", "CNY")), scale if isinstance(scale, int) else 2)
