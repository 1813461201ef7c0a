"""The rows that commands leave: the highest fence ever obeyed per point, and every attempt."""

from __future__ import annotations

from hub.contracts.ids import Fence, PointId
from hub.contracts.relays import CommandResult, Desired, Grant
from hub.core.plugins import PluginDatabase
from hub.core.storage import Migration, Reader, Tx

MIGRATIONS = (
    Migration(
        1,
        "fences",
        """
CREATE TABLE kpm_modbus__fences (
  point TEXT PRIMARY KEY, fence INTEGER NOT NULL, desired TEXT NOT NULL) STRICT;
CREATE TABLE kpm_modbus__attempts (
  id INTEGER PRIMARY KEY, point TEXT NOT NULL, fence INTEGER NOT NULL, desired TEXT NOT NULL,
  outcome TEXT NOT NULL, detail TEXT NOT NULL, at_us INTEGER NOT NULL, reference TEXT NOT NULL) STRICT;
""",
    ),
    Migration(
        2,
        "serials",
        """
CREATE TABLE kpm_modbus__serials (meter TEXT PRIMARY KEY, serial TEXT NOT NULL) STRICT;
""",
    ),
    Migration(
        3,
        "gaps_and_ratios",
        """
CREATE TABLE kpm_modbus__gaps (
  profile TEXT NOT NULL, holder TEXT NOT NULL, function INTEGER NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL, is_readable INTEGER NOT NULL, detail TEXT NOT NULL, at_us INTEGER NOT NULL,
  PRIMARY KEY (profile, holder, function, first, last)) STRICT;
CREATE TABLE kpm_modbus__ratios (
  meter TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (meter, name)) STRICT;
""",
    ),
    Migration(
        4,
        "commissioning",
        """
CREATE TABLE kpm_modbus__commissioning (
  id TEXT PRIMARY KEY, point TEXT NOT NULL, actor TEXT NOT NULL, context_id TEXT NOT NULL, fence INTEGER NOT NULL,
  is_known_to_supply INTEGER NOT NULL, started_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
  steps TEXT NOT NULL, ended_us INTEGER, outcome TEXT, detail TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX kpm_modbus__commissioning_open ON kpm_modbus__commissioning (point) WHERE ended_us IS NULL;
""",
    ),
)


class Attempts:
    """Fences in memory and on disk, attempts on disk."""

    def __init__(self, db: PluginDatabase) -> None:
        """Use the plugin's database; `load` first."""
        self._db = db
        self._highest: dict[PointId, tuple[Fence, Desired]] = {}

    async def load(self) -> None:
        """Take up the fences of earlier starts."""

        def read(reader: Reader) -> dict[PointId, tuple[Fence, Desired]]:
            rows = reader.all("SELECT point, fence, desired FROM kpm_modbus__fences")
            return {PointId(row[0]): (Fence(row[1]), Desired(row[2])) for row in rows}

        self._highest = await self._db.read(read)

    def highest(self, point: PointId) -> tuple[Fence, Desired] | None:
        """The highest fence obeyed so far, and what it was for."""
        return self._highest.get(point)

    async def note_fence(self, point: PointId, fence: Fence, desired: Desired) -> None:
        """Remember a fence before it is obeyed; a lower one never comes back."""

        def write(tx: Tx) -> None:
            tx.execute(
                "INSERT INTO kpm_modbus__fences VALUES (?, ?, ?) ON CONFLICT (point) DO UPDATE"
                " SET fence = excluded.fence, desired = excluded.desired WHERE excluded.fence >= fence",
                (point, fence, desired.value),
            )

        known = self._highest.get(point)
        if known is None or fence >= known[0]:
            self._highest[point] = (fence, desired)
        await self._db.write(write)

    async def record(self, result: CommandResult, grant: Grant) -> None:
        """Keep what came of a command."""
        row = (
            result.point, result.fence, result.desired.value, result.outcome.value, result.detail,
            result.finished_us, grant.reference,
        )  # fmt: skip
        await self._db.write(
            lambda tx: tx.execute(
                "INSERT INTO kpm_modbus__attempts (point, fence, desired, outcome, detail, at_us, reference)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        )

    async def serials(self) -> dict[str, str]:
        """The instruments that people put in place of the configured ones, by meter."""
        rows = await self._db.read(lambda reader: reader.all("SELECT meter, serial FROM kpm_modbus__serials"))
        return {row[0]: row[1] for row in rows}


def expect_serial(tx: Tx, meter: str, serial: str) -> None:
    """Expect an instrument in a meter's place from the commit on."""
    tx.execute(
        "INSERT INTO kpm_modbus__serials VALUES (?, ?) ON CONFLICT (meter) DO UPDATE SET serial = excluded.serial",
        (meter, serial),
    )
