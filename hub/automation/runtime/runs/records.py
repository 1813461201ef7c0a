"""What is known of each rule and script over all its runs; it lives on, written down a little later."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, fields

from hub.automation.runtime.runs import schema
from hub.automation.runtime.runs.outcomes import Outcome
from hub.automation.runtime.runs.packing import pack
from hub.automation.runtime.runs.schema import TraceRow
from hub.automation.runtime.runs.traces import Trace, TraceStore
from hub.core.clock import Clock
from hub.core.plugins import PluginDatabase
from hub.core.storage import StorageError, Tx

log = logging.getLogger(__name__)

SAVE_PAUSE_S = 1.0
"""How long what is only for people may wait to be written: traces and counts, never runs."""

CHUNK = 50
"""Rows of one save: what is for people must not keep runs waiting."""


@dataclass(slots=True)
class RuleRecord:
    """One rule or script: whether it is on, and how often what happened."""

    is_on: bool = True
    last_triggered_us: int | None = None
    runs: int = 0
    errors: int = 0
    refused: int = 0
    dropped: int = 0
    last_error: str = ""
    last_error_us: int | None = None

    def count(self, trace: Trace) -> None:
        """Take in how a run ended, or why there was none."""
        match trace.outcome:
            case Outcome.REFUSED:
                self.refused += 1
            case Outcome.DROPPED:
                self.dropped += 1
            case Outcome.FAILED:
                self.errors += 1
                self.last_error, self.last_error_us = trace.reason, trace.ended_us


_FIELDS = tuple(field.name for field in fields(RuleRecord))


class Records:
    """The records and traces of all rules and scripts, in memory and on disk."""

    def __init__(self, db: PluginDatabase | None, clock: Clock) -> None:
        """Keep them in a database, or for this process only."""
        self._db = db
        self._clock = clock
        self._records: dict[tuple[str, str], RuleRecord] = {}
        self._changed: dict[tuple[str, str], None] = {}
        self.traces = TraceStore()

    def of(self, kind: str, name: str) -> RuleRecord:
        """The record of a rule or script."""
        record = self._records.get((kind, name))
        if record is None:
            record = self._records[kind, name] = RuleRecord()
        return record

    def is_known(self, kind: str, name: str) -> bool:
        """Whether a rule or script was there before."""
        return (kind, name) in self._records

    def changed(self, kind: str, name: str) -> None:
        """A record has changed; it is written soon."""
        self._changed[kind, name] = None

    def ended(self, trace: Trace, keep: int) -> None:
        """Count a trace and keep it."""
        self.of(trace.kind, trace.name).count(trace)
        self.traces.add(trace, keep)
        self._changed[trace.kind, trace.name] = None

    def drop(self, kind: str, name: str) -> None:
        """Forget the traces of a rule that is gone; its record stays, should it come back."""
        self.traces.drop(kind, name)

    async def load(self) -> None:
        """Take up the records of earlier starts."""
        if self._db is None:
            return
        for kind, name, is_on, text in await self._db.read(schema.read_records):
            record = self._records[kind, name] = RuleRecord(*json.loads(text))
            record.is_on = is_on

    async def traces_of(self, kind: str, name: str) -> list[dict[str, object]]:
        """The last traces, the newest first, also those of earlier starts."""
        found = [trace.shown() for trace in self.traces.of(kind, name)]
        if self._db is not None:
            await self.save()
            shown = {trace["run"] for trace in found}
            texts = await self._db.read(lambda reader: schema.read_traces(reader, kind, name))
            found += [trace for trace in map(json.loads, texts) if trace["run"] not in shown]
        return found

    async def save_for_ever(self) -> None:
        """Write what has changed, every now and then."""
        while True:
            await self._clock.sleep(SAVE_PAUSE_S)
            await self.save()

    async def save(self) -> None:
        """Write what has changed; while the store fails it waits for the next time."""
        db, traces = self._db, self.traces
        if db is None:
            self._changed.clear()
            traces.unsaved.clear()
            traces.dropped.clear()
            return
        while self._changed or traces.unsaved or traces.dropped:
            names = list(self._changed)[:CHUNK]
            for name in names:
                del self._changed[name]
            new = [traces.unsaved.pop(run_id) for run_id in list(traces.unsaved)[:CHUNK]]
            dropped, traces.dropped = traces.dropped, []
            try:
                await self._write(db, names, new, dropped)
            except StorageError as error:
                log.warning("traces and counts of rules wait for the store: %s", error)
                self._changed.update(dict.fromkeys(names))
                traces.unsaved = {**{trace.run_id: (trace, keep) for trace, keep in new}, **traces.unsaved}
                traces.dropped = dropped + traces.dropped
                return

    async def _write(
        self,
        db: PluginDatabase,
        names: list[tuple[str, str]],
        new: list[tuple[Trace, int]],
        dropped: list[tuple[str, str]],
    ) -> None:
        records = [(*name, *_row(self._records[name])) for name in names]
        rows = [
            (TraceRow(one.run_id, one.kind, one.name, one.place, one.ended_us or 0, pack(one.shown())), keep)
            for one, keep in new
        ]

        def write(tx: Tx) -> None:
            schema.write_records(tx, records)
            schema.write_traces(tx, rows, dropped)

        await db.write(write, origin="records")


def _row(record: RuleRecord) -> tuple[int, str]:
    return int(record.is_on), json.dumps([getattr(record, name) for name in _FIELDS])
