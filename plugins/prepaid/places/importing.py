"""Takes a site's table in: all of it or nothing, in one transaction, and the same file only once."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hub.contracts.ids import PointId
from hub.core.clock import from_us
from hub.core.errors import HubError
from hub.core.principals import OWNER
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging.charger import Charged
from plugins.prepaid.gate import reads
from plugins.prepaid.gate.reads import FIRST_LINK
from plugins.prepaid.places import repository
from plugins.prepaid.places.areas import make_areas, tree_of
from plugins.prepaid.places.columns import Local
from plugins.prepaid.places.gathering import Gathered, gather
from plugins.prepaid.places.office import Office
from plugins.prepaid.places.opening_balances import post_opening
from plugins.prepaid.places.opening_reads import Known
from plugins.prepaid.places.planning import Around, Change, Plan, plan
from plugins.prepaid.places.snapshot import load_places
from plugins.prepaid.places.tables import Table, read_table
from plugins.prepaid.places.writing import write_records

DOCUMENT_BYTES_MAX = 32_000_000


class ImportRefused(HubError):
    """A document that cannot be taken in; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was sent."""

    name: str
    content: bytes

    @property
    def sha(self) -> str:
        """The file's hash."""
        return hashlib.sha256(self.content).hexdigest()


def packed(content: bytes) -> str:
    """A file's content as a call carries it: compressed, because a request has a limit."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def unpacked(text: str) -> bytes:
    """What `packed` made; raises `ImportRefused`."""
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.b64decode(text, validate=True), DOCUMENT_BYTES_MAX)
    except (zlib.error, binascii.Error) as error:
        raise ImportRefused(f"the document is damaged ({error}); nothing was changed") from None
    if not unpacking.eof:
        raise ImportRefused(f"the document is cut short, or longer than {DOCUMENT_BYTES_MAX} bytes")
    return content


class Importer:
    """Imports tables into one site."""

    def __init__(self, office: Office, local: Local) -> None:
        """Write into an office's books; money and times are read as the site has them."""
        self._office = office
        self._local = local
        self._turn = asyncio.Lock()

    async def take_in(self, document: Document, *, is_dry_run: bool) -> dict[str, object]:
        """Plan, and unless it is a dry run or something is wrong, write; what was or would be done."""
        async with self._turn:  # areas are made before the one transaction, so two imports must not mix
            return await self._take_in(document, is_dry_run=is_dry_run)

    async def _take_in(self, document: Document, *, is_dry_run: bool) -> dict[str, object]:
        known = await self._office.desk.hub.db.read(lambda reader: _imported(reader, document.sha))
        if known is not None:
            return {**_nothing(document), "already": known, "outcome": "already"}
        table = await asyncio.to_thread(read_table, document.name, document.content)
        gathered = gather(table, self._local, tree_of(self._office.desk.hub.registry.areas(OWNER)))
        around = self._around(gathered)
        planned = await self._office.desk.hub.db.read(lambda reader: self._plan(reader, gathered, around))
        if not is_dry_run and not planned.problems:
            await make_areas(self._office.desk.hub.registry, gathered.areas)
            planned = await self._office.desk.hub.db.write(
                lambda tx: self._write(tx, gathered, around, document, table), origin="import"
            )
        outcome = "wrong" if planned.problems else "dry_run" if is_dry_run else "done"
        return {**describe(planned, document, table), "outcome": outcome}

    def _around(self, gathered: Gathered) -> Around:
        registers: dict[PointId, Known] = {}
        for point in gathered.meters:
            known = self._office.known(point)
            if known is not None:
                registers[point] = known
        return Around(self._office.now_us(), (), registers)

    def _plan(self, reader: Reader, gathered: Gathered, around: Around) -> Plan:
        before = load_places(reader, self._office.areas())
        return plan(gathered, before, replace(around, tariffs=repository.published_codes(reader)))

    def _write(self, tx: Tx, gathered: Gathered, around: Around, document: Document, table: Table) -> Plan:
        """Plan once more on what this transaction sees, and write all of it."""
        planned = self._plan(tx, gathered, around)
        if planned.problems:
            first = planned.problems[0]
            raise ImportRefused(f"row {first.row}, {first.column}: {first.text}; nothing was changed")
        charged = write_plan(self._office, tx, planned)
        for account, minor in planned.balances.items():
            post_opening(tx, self._office.desk.journal, account, minor, self._office.now_us())
        self._office.charged(tx, [one for one in charged if one.account not in planned.balances])
        for account in planned.balances:
            self._office.desk.moved(tx, account)
        tx.execute(
            "INSERT INTO prepaid__imports VALUES (?, 'site', ?, ?, ?)",
            (document.sha, len(table.rows), self._office.now_us(), tx.context.actor),
        )
        return planned


def write_plan(office: Office, tx: Tx, planned: Plan) -> list[Charged]:
    """Write a plan's records; what was charged anew because time is held by somebody else now."""
    write_records(tx, planned)
    for opening in planned.openings:
        number = repository.begin_epoch(tx, opening.epoch)
        epoch, read = replace(opening.epoch, id=number), opening.read(number, office.now_us())
        reads.add(tx, read, FIRST_LINK)
        office.go_on(tx, epoch, read)
    if planned.does_nothing:
        return []
    book = office.turn_page(tx)
    charged: list[Charged] = []
    for point, start_us in _first_starts(planned).items():
        charged += office.recharge(tx, book, point, start_us, "rebuild:import")
    return charged


def describe(planned: Plan, document: Document, table: Table) -> dict[str, object]:
    """A plan as an action answers it."""
    return {
        "file": document.name,
        "sha": document.sha,
        "rows": len(table.rows),
        "already": None,
        "created": [_shown(one) for one in planned.created],
        "changed": [_shown(one) for one in planned.changed],
        "unchanged": planned.unchanged,
        "opening_balances": len(planned.balances),
        "problems": [{"row": one.row, "column": one.column, "text": one.text} for one in planned.problems],
        "notes": planned.notes,
    }


def _nothing(document: Document) -> dict[str, object]:
    return {
        "file": document.name, "sha": document.sha, "rows": 0, "created": [], "changed": [], "unchanged": 0,
        "opening_balances": 0, "problems": [], "notes": [],
    }  # fmt: skip


def _shown(change: Change) -> Mapping[str, Any]:
    return {"kind": change.kind, "id": change.id, "fields": list(change.fields)}


def _imported(reader: Reader, sha: str) -> dict[str, object] | None:
    row = reader.one("SELECT at_us, actor, rows FROM prepaid__imports WHERE sha = ?", (sha,))
    return None if row is None else {"at": from_us(row["at_us"]), "actor": row["actor"], "rows": row["rows"]}


def _first_starts(planned: Plan) -> dict[PointId, int]:
    found: dict[PointId, int] = {}
    for term in planned.new_terms:
        found[term.point] = min(term.start_us, found.get(term.point, term.start_us))
    return found
