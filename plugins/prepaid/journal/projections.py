"""Checks what is derived from the journal: the balance of each account, and the indexes that find entries."""

from __future__ import annotations

from hub.core.storage import Reader
from plugins.prepaid.journal.cells import MIX_MASK
from plugins.prepaid.journal.chart import ROUNDING
from plugins.prepaid.journal.findings import Report
from plugins.prepaid.journal.walk import Walk

PAGE_ACCOUNTS = 1_000
PAGE_KEYS = 2_500

_BALANCES = "SELECT account, amount_minor, last_seq FROM prepaid__balances"
_KEYS = "SELECT key, seq FROM prepaid__journal INDEXED BY prepaid__journal_key WHERE key > ? ORDER BY key LIMIT ?"
_PLACES = (
    "SELECT account, entry, n FROM prepaid__postings INDEXED BY prepaid__postings_account"
    " WHERE (account, entry, n) > (?, ?, ?) ORDER BY account, entry, n LIMIT ?"
)


class BalancesCheck:
    """Holds every balance against the sum of its postings: no account more, none less, none other."""

    def __init__(self, report: Report, walk: Walk) -> None:
        """Take the sums from a walk that has reached the end."""
        self._report = report
        self._walk = walk
        self._after = ""
        self._seen: set[str] = set()

    def page(self, reader: Reader) -> bool:
        """Look at the next accounts; False once all were looked at."""
        while self._walk.page(reader):
            pass  # what was posted since the last snapshot
        if not self._walk.is_whole:
            self._report.add("I3", "balances were not compared: the journal could not be read to its end")
            return False
        rows = reader.all(f"{_BALANCES} WHERE account > ? ORDER BY account LIMIT ?", (self._after, PAGE_ACCOUNTS))
        for row in rows:
            self._compare(reader, *row)
        if len(rows) == PAGE_ACCOUNTS:
            self._after = rows[-1][0]
            return True
        self._finish(reader)
        return False

    def _compare(self, reader: Reader, account: str, amount_minor: int, last_seq: int) -> None:
        self._seen.add(account)
        self._report.accounts += 1
        found = self._walk.sum_of(reader, account)
        if amount_minor != found:
            self._report.add("I3", f"the balance is {amount_minor}, the postings sum to {found}", account=account)
        if self._walk.last_seq(account, last_seq) != last_seq:
            self._report.add("I3", "the balance names another entry as the last", last_seq, account)

    def _finish(self, reader: Reader) -> None:
        for account in self._walk.last_seqs.keys() - self._seen:
            if reader.one(f"{_BALANCES} WHERE account = ?", (account,)) is None:
                self._report.add("I3", "it has postings and no balance", account=account)
        row = reader.one("SELECT coalesce(sum(amount_minor), 0) FROM prepaid__balances")
        if row is not None and row[0] != 0:
            self._report.add("I2", f"all accounts together hold {row[0]}, not zero")
        rounding = self._walk.sum_of(reader, ROUNDING)
        if rounding != 0:
            self._report.add("rounding", f"it holds {rounding}, not zero", account=ROUNDING)


class IndexesCheck:
    """Holds the indexes against the tables: an entry that its key does not find could be posted twice."""

    def __init__(self, report: Report, walk: Walk) -> None:
        """Compare with what a walk from the first entry has met."""
        self._report = report
        self._walk = walk
        self._until = self._keys = self._places = 0
        self._key = ""
        self._place: tuple[str, int, int] = ("", 0, -1)
        self._is_in_keys = True

    def page(self, reader: Reader) -> bool:
        """Look at the next part of an index; False once both were looked at."""
        if self._until == 0:
            self._until = self._walk.seq
        if self._is_in_keys:
            self._is_in_keys = self._page_of_keys(reader)
            return True
        return self._page_of_places(reader)

    def _page_of_keys(self, reader: Reader) -> bool:
        rows = reader.all(_KEYS, (self._key, PAGE_KEYS))
        for key, seq in rows:
            # By type first: damage can make another type of a value, and b"" and 0 have one hash.
            if type(key) is not str or type(seq) is not int or key <= self._key:
                self._report.add("index", "the index of keys is damaged: rebuild it (REINDEX)")
                return False
            self._key = key
            if seq <= self._until:
                self._keys = (self._keys + hash((key, seq))) & MIX_MASK
        if len(rows) == PAGE_KEYS:
            return True
        if self._keys != self._walk.keys_mix:
            self._report.add("index", "the index of keys differs from the journal: rebuild it (REINDEX)")
        return False

    def _page_of_places(self, reader: Reader) -> bool:
        rows = reader.all(_PLACES, (*self._place, PAGE_KEYS))
        for account, entry, n in rows:
            place = (account, entry, n)
            if type(account) is not str or type(entry) is not int or type(n) is not int or place <= self._place:
                self._report.add("index", "the index of accounts is damaged: rebuild it (REINDEX)")
                return False
            self._place = place
            if entry <= self._until:
                self._places = (self._places + hash(place)) & MIX_MASK
        if len(rows) == PAGE_KEYS:
            return True
        if self._places != self._walk.places_mix:
            self._report.add("index", "the index of accounts differs from the postings: rebuild it (REINDEX)")
        return False
