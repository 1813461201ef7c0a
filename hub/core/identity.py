"""Whose data a folder holds: notices a database that vanished, was emptied, or belongs to another site."""

from __future__ import annotations

from pathlib import Path

from hub.core.ids import Ids
from hub.core.storage import Database, StorageCorrupt

FILE = "site.id"


class Identity:
    """A site id that stands both in a file and in the database, from the first start on."""

    def __init__(self, data: Path, ids: Ids) -> None:
        """Name the data folder."""
        self._file = data / FILE
        self._database = data / "hub.db"
        self._ids = ids

    def check(self) -> None:
        """Refuse to make a new, empty database where there was one: that would forget everybody's money."""
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
        if not self._file.exists():
            self._file.write_text(f"{site_id}\n")
        noted = self._file.read_text().strip()
        if noted != site_id:
            raise StorageCorrupt(
                f"{self._database} belongs to site {site_id}, but {self._file} says {noted}; "
                "the database of another site was put here: put the right one back"
            )
        return site_id
