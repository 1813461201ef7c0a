"""A statement is a pure function of its evidence: the same reads, tariffs and entries give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.contracts.units import MinorUnits
from plugins.prepaid.journal.chain import canonical, sha256
from plugins.prepaid.pricing import Component, ExactNano, Segment, energy_lines, included_taxes, shared_minor
from plugins.prepaid.statements.evidence import Evidence, JournalEntry
from plugins.prepaid.statements.flows import Flows, flows_of, posted_of
from plugins.prepaid.statements.plain import plain
from plugins.prepaid.statements.rating import Rated, rated

FORMAT = "hub-statement/1"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with what it was made from."""

    evidence: Evidence
    rated: Rated
    flows: Flows
    posted: Mapping[Component, MinorUnits]
    """What entries posted of each component of the period."""
    document: dict[str, object]
    """What is shown, hashed and frozen."""
    body: bytes
    """The document's one text: its SHA-256 is the statement's hash."""

    @property
    def sha(self) -> bytes:
        """The statement's hash."""
        return sha256(self.body)

    @property
    def due_minor(self) -> MinorUnits:
        """What the period costs, taxes on top included."""
        return MinorUnits(sum(self.rated.minor.values()))

    @property
    def is_as_posted(self) -> bool:
        """Whether every component was posted as it is derived."""
        due = {component: minor for component, minor in self.rated.minor.items() if minor}
        return due == self.posted


def derive(evidence: Evidence) -> Statement:
    """Make the statement; raises `PricingError` when the evidence does not carry it."""
    made, flows, posted = rated(evidence), flows_of(evidence), posted_of(evidence)
    document: dict[str, object] = {
        "format": FORMAT,
        "frame": plain(evidence.frame),
        "reads": _reads(evidence, made),
        "segments": _segments(evidence, made),
        "split_wh": _splits(made),
        "total_wh": int(made.state.total_wh),
        "energy": _energy(made),
        "components": _components(made, posted),
        "included_taxes": _included(made),
        "due_minor": int(sum(made.minor.values())),
        "money": plain(flows),
        "entries": [_entry(entry, evidence.frame.ledger_account) for entry in evidence.entries],
    }
    return Statement(evidence, made, flows, posted, document, canonical(document))


def exact_text(amount: ExactNano) -> str:
    """An exact amount as text: `163350000000`, or `1/3` where it is no whole number."""
    return str(amount)


def _reads(evidence: Evidence, made: Rated) -> list[dict[str, object]]:
    """The reads that the segments rest on: by epoch the first, the last, and a hash over all between."""
    used = {number for segment in made.segments for number in (segment.read_a, segment.read_b)}
    found: list[dict[str, object]] = []
    for epoch in evidence.frame.epochs:
        reads = [read for read in evidence.reads.get(epoch.id, ()) if read.id in used]
        if not reads:
            continue
        first, last = reads[0], reads[-1]
        found.append(
            {
                "point": epoch.point, "meter": epoch.meter, "serial": epoch.serial, "epoch": epoch.id,
                "count": len(reads), "sha": sha256(b"".join(read.hash for read in reads)).hex(),
                "first": {**first.record(), "id": first.id}, "last": {**last.record(), "id": last.id},
                "wh": last.total_wh - first.total_wh,
            }
        )  # fmt: skip
    return found


def _segments(evidence: Evidence, made: Rated) -> list[list[object]]:
    """In order of time: from, to, Wh, band, season, version's place, how it was split, first and second read."""
    places = {one.sha: place for place, one in enumerate(evidence.frame.versions)}
    return [_segment(segment, places[segment.version]) for segment in made.segments]


def _segment(segment: Segment, version: int) -> list[object]:
    return [
        segment.t0_us, segment.t1_us, int(segment.wh), segment.band, segment.season, version, segment.split.value,
        segment.read_a, segment.read_b,
    ]  # fmt: skip


def _splits(made: Rated) -> dict[str, int]:
    found: dict[str, int] = {}
    for segment in made.segments:
        found[segment.split.value] = found.get(segment.split.value, 0) + segment.wh
    return found


def _energy(made: Rated) -> list[dict[str, object]]:
    lines = energy_lines(made.state)
    minor = shared_minor(
        made.minor.get("energy", MinorUnits(0)), [line.amount_nano for line in lines], made.timeline.scale
    )
    return [
        {
            "version": line.version, "band": line.band, "season": line.season, "block": line.block + 1,
            "wh": int(line.wh), "price_micro": line.price_micro, "minor": int(amount),
        }
        for line, amount in zip(lines, minor, strict=True)
    ]  # fmt: skip


def _components(made: Rated, posted: Mapping[Component, MinorUnits]) -> list[dict[str, object]]:
    return [
        {
            "component": component, "exact_nano": exact_text(made.exact.get(component, 0)),
            "minor": int(made.minor.get(component, 0)), "posted_minor": int(posted.get(component, 0)),
        }
        for component in sorted(made.minor.keys() | posted.keys())
    ]  # fmt: skip


def _included(made: Rated) -> dict[str, int]:
    taxes = included_taxes(made.state.plan, made.minor, made.timeline.rounding)
    return {name: int(minor) for name, minor in taxes.items()}


def _entry(entry: JournalEntry, account: str) -> list[object]:
    """Number, dates, kind, key, what it is about, what it corrects, and what it put on the account."""
    return [
        entry.seq, entry.effective_us, entry.recorded_us, entry.kind, entry.key, entry.ref, entry.corrects,
        int(entry.amount_on(account)),
    ]  # fmt: skip
