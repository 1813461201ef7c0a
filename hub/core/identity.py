"""Whose data a folder holds: notices a database that vanished, was emptied, or belongs to another site."""

from __future__ import annotations

import os
from pathlib import Path

from hub.core.ids import Ids
from hub.core.storage import Database, StorageCorrupt, StorageIOFailed

FILE = "site.id"


class Identity:
    """A site id that stands both in a file and in the database, from the first start on."""

    def __init__(self, data: Path, ids: Ids) -> None:
        """Name the data folder."""
        self._file = data / FILE
        self._database = data / "hub.db"
        self._ids = ids

    def check(self) -> None:
        """Refuse to make a new, empty database where there was one: that would forget everything that it held."""
        if not self._file.exists():
            return
        if not self._database.exists() or self._database.stat().st_size == 0:
            what = "empty" if self._database.exists() else "missing"
            raise StorageCorrupt(
                f"{self._database} is {what}, but this folder has held a site's records; restore them with "
                f"`hub backup restore`. Only if they shall be given up: delete {self._file} and start again"
            )

    async def confirm(self, db: Database) -> str:
        """The site's id; made at the first start, compared ever after."""
        fresh = self._ids.token()
        found = await db.write(
            lambda tx: tx.one(
                "INSERT INTO core__meta VALUES ('site_id', ?) ON CONFLICT (name) DO UPDATE SET value = value"
                " RETURNING value",
                (fresh,),
            )
        )
        assert found is not None
        site_id = str(found[0])
        try:
            if not self._file.exists():
                write_site_id(self._file.parent, site_id)
            noted = self._file.read_text().strip()
        except OSError as error:
            raise StorageIOFailed(f"{self._file}: {error.strerror}; check the folder and its rights") from error
        if noted != site_id:
            raise StorageCorrupt(
                f"{self._database} belongs to site {site_id}, but {self._file} says {noted}; "
                "the database of another site was put here: put the right one back"
            )
        return site_id


def write_site_id(data: Path, site_id: str) -> None:
    """Write the file with the site id, whole or not at all: half a one would lock the site out of its records."""
    temporary = data / f"{FILE}.new"
    with temporary.open("w") as file:
        file.write(f"{site_id}\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(data / FILE)
    sync_folder(data)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk: what was renamed or made there survives a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
