"""What the ledger does once a day: seal what is open, and write down where every chain stands."""

from __future__ import annotations

from datetime import date

from hub.core.storage import Reader, Tx
from plugins.prepaid.journal.sealing import Checkpoint, checkpoint


def daily(tx: Tx, day: date, now_us: int) -> Checkpoint:
    """Seal all entries and make the day's checkpoint, once: a repeat answers the first."""
    return checkpoint(tx, day, now_us, read_heads(tx))


def read_heads(reader: Reader) -> dict[str, bytes]:
    """The end of each epoch's chain of accepted reads, looked up one by one: no walk over all reads."""
    rows = reader.all(
        "SELECT e.id, (SELECT r.hash FROM prepaid__reads r WHERE r.epoch = e.id ORDER BY r.id DESC LIMIT 1)"
        " FROM prepaid__epochs e"
    )
    return {f"reads/{number}": head for number, head in rows if head is not None}
