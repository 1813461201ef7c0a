"""A statement as people read it: amounts and times as text, lines in order; what pages and tables are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from hub.contracts.units import MinorUnits, major_units
from hub.core.clock import from_us
from plugins.prepaid.pricing import EnergyLine, energy_lines, included_taxes, shared_minor
from plugins.prepaid.statements.flows import ChargeFlow, MoneyFlow
from plugins.prepaid.statements.statement import Statement
from plugins.prepaid.tariffs.model import EVERY_SEASON, ONLY_BAND

HASH_LETTERS = 32
"""How much of a hash is printed: 128 bits, which nobody can forge, in groups that people can compare."""

_INCOMING = frozenset({"topup", "assigned"})
_KINDS = frozenset({"fixed", "adder", "tax"})
_MONEY_WORDS = {"opening": "opening_balance", "correction": "correction_by_hand"}


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """Energy at one price."""

    band: str
    season: str
    block: str
    kwh: str
    price: str
    amount: str
    share_percent: int
    """Of all energy, for a bar."""
    kind: int
    """The number of its band, for a colour."""


@dataclass(frozen=True, slots=True)
class MeterRow:
    """One register from its first read to its last."""

    point: str
    serial: str
    first: str
    first_raw: str
    last: str
    last_raw: str
    kwh: str
    reads: int


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """One movement of money."""

    date: str
    what: str
    about: str
    amount: str
    is_correction: bool


class View:
    """A statement in a language."""

    def __init__(self, statement: Statement, words: Mapping[str, str]) -> None:
        """Show a statement."""
        self.statement = statement
        self.frame = statement.evidence.frame
        self.words = words
        self._zone = ZoneInfo(self.frame.time_zone)
        self._lines = energy_lines(statement.rated.state)

    @property
    def period_text(self) -> str:
        """The first and the last day."""
        return f"{self.day(self.frame.from_us)} – {self.day(self.frame.to_us - 1)}"

    @property
    def hash_text(self) -> str:
        """The hash in groups of four."""
        return grouped(self.statement.sha.hex())

    @property
    def total_kwh(self) -> str:
        """All energy."""
        return kwh_text(self.statement.rated.state.total_wh)

    @property
    def summary(self) -> list[tuple[str, str]]:
        """The money in a line: before, in, charged, other, after."""
        flows = self.statement.flows
        paid = sum(one.amount_minor for one in flows.moves if one.kind in _INCOMING)
        charged = sum(one.amount_minor for one in flows.charges)
        other = flows.closing_minor - flows.opening_minor - paid - charged
        parts: list[tuple[str, int]] = [("opening", flows.opening_minor), ("paid_in", paid), ("charged", charged)]
        parts += [("other", other)] if other else []
        return [
            (self.words[name], self.money(amount)) for name, amount in [*parts, ("closing", flows.closing_minor)]
        ]

    @property
    def energy(self) -> list[EnergyRow]:
        """Energy by band and block."""
        made = self.statement.rated
        minor = shared_minor(
            made.minor.get("energy", MinorUnits(0)), [line.amount_nano for line in self._lines], made.timeline.scale
        )
        bands = sorted({line.band for line in self._lines})
        return [self._energy_row(line, amount, bands) for line, amount in zip(self._lines, minor, strict=True)]

    @property
    def energy_amount(self) -> str:
        """What all energy comes to."""
        return self.money(self.statement.rated.minor.get("energy", 0))

    @property
    def has_seasons(self) -> bool:
        """Whether a season needs to be told."""
        return any(line.season not in (EVERY_SEASON, "") for line in self._lines)

    @property
    def has_blocks(self) -> bool:
        """Whether a block needs to be told."""
        return any(line.block for line in self._lines)

    @property
    def charges(self) -> list[tuple[str, str]]:
        """What each component comes to."""
        minor = self.statement.rated.minor
        return [
            (self.component_text(name), self.money(minor[name])) for name in sorted(minor, key=_component_order)
        ]

    @property
    def due(self) -> str:
        """What the period costs."""
        return self.money(self.statement.due_minor)

    @property
    def included(self) -> list[tuple[str, str]]:
        """The taxes that are inside these amounts."""
        made = self.statement.rated
        taxes = included_taxes(made.state.plan, made.minor, made.timeline.rounding)
        return [
            (self.words["included"].format(name=name.upper()), self.money(amount)) for name, amount in taxes.items()
        ]

    @property
    def meters(self) -> list[MeterRow]:
        """The registers that were read."""
        used = {number for one in self.statement.rated.segments for number in (one.read_a, one.read_b)}
        rows = []
        for epoch in self.frame.epochs:
            reads = [one for one in self.statement.evidence.reads.get(epoch.id, ()) if one.id in used]
            if reads:
                first, last = reads[0], reads[-1]
                rows.append(
                    MeterRow(
                        self.frame.points.get(epoch.point, epoch.point), epoch.serial or "–",
                        self.minute(first.at_us), str(first.raw), self.minute(last.at_us), str(last.raw),
                        kwh_text(last.total_wh - first.total_wh), len(reads),
                    )
                )  # fmt: skip
        return rows

    @property
    def split_by_time_kwh(self) -> str | None:
        """How much was split between bands by time; None when nothing was."""
        wh = sum(one.wh for one in self.statement.rated.segments if one.split.value in ("time", "mismatch"))
        return kwh_text(wh) if wh else None

    @property
    def flows(self) -> list[MoneyRow]:
        """How money moved, in order of date."""
        flows = self.statement.flows
        rows = [(one.last_us, self._charge_row(one)) for one in flows.charges]
        rows += [(one.effective_us, self._move_row(one)) for one in flows.moves]
        return [row for _, row in sorted(rows, key=lambda one: one[0])]

    def component_text(self, component: str) -> str:
        """A component as people call it."""
        kind, _, name = component.partition(":")
        if kind in _KINDS:
            return self.words[kind].format(name=f"{name[:1].upper()}{name[1:]}".replace("_", " "))
        return self.words["component_energy"] if kind == "energy" else self.words.get(kind, component)

    def money(self, amount_minor: int) -> str:
        """An amount with all its decimals; below zero with a real minus sign."""
        text = f"{abs(major_units(MinorUnits(amount_minor), self.frame.scale)):,.{self.frame.scale}f}"
        return f"−{text}" if amount_minor < 0 else text

    def day(self, at_us: int) -> str:
        """A date where the meters are."""
        return self._local(at_us).strftime("%Y-%m-%d")

    def minute(self, at_us: int) -> str:
        """A time where the meters are."""
        return self._local(at_us).strftime("%Y-%m-%d %H:%M")

    def _local(self, at_us: int) -> datetime:
        return from_us(at_us).astimezone(self._zone)

    def _energy_row(self, line: EnergyLine, amount: MinorUnits, bands: list[str]) -> EnergyRow:
        total_wh = max(1, self.statement.rated.state.total_wh)
        named = self.words.get(f"band_{line.band}", line.band.replace("_", " "))
        band = self.words["all_day"] if line.band in (ONLY_BAND, "") else named
        season = "" if line.season == EVERY_SEASON else line.season.replace("_", " ")
        return EnergyRow(
            band, season, str(line.block + 1), kwh_text(line.wh), price_text(line.price_micro), self.money(amount),
            line.wh * 100 // total_wh, bands.index(line.band),
        )  # fmt: skip

    def _charge_row(self, flow: ChargeFlow) -> MoneyRow:
        dates = self.words["service_dates"].format(first=self.day(flow.from_us), last=self.day(flow.last_us))
        about = f"{self.words['entries'].format(count=flow.entries)}; {dates}"
        name = "correction" if flow.corrects else "charge" if flow.contract == self.frame.contract else "charge_of"
        what = self.words[name].format(period=flow.period, contract=flow.contract)
        return MoneyRow(self.day(flow.last_us), what, about, self.money(flow.amount_minor), bool(flow.corrects))

    def _move_row(self, flow: MoneyFlow) -> MoneyRow:
        word = _MONEY_WORDS.get(flow.kind, flow.kind)
        what = self.words.get(word, flow.kind.replace("_", " "))
        about = " · ".join(one for one in (flow.ref, flow.note) if one)
        return MoneyRow(
            self.minute(flow.effective_us), what, about, self.money(flow.amount_minor), bool(flow.corrects)
        )


def kwh_text(wh: int) -> str:
    """Energy in kWh, all of it."""
    return f"{major_units(MinorUnits(wh), 3):,.3f}"


def price_text(price_micro: int) -> str:
    """A price per kWh with four decimals, more where it has them."""
    text = f"{major_units(MinorUnits(price_micro), 6):f}"
    return f"{text[:-2]}{text[-2:].rstrip('0')}"


def grouped(text: str) -> str:
    """The beginning of a hash in groups that people can compare."""
    return " ".join(_groups(text[:HASH_LETTERS]))


def _groups(text: str) -> Iterator[str]:
    for place in range(0, len(text), 4):
        yield text[place : place + 4]


def _component_order(component: str) -> tuple[int, str]:
    kinds = ("energy", "adder", "demand", "fixed", "minimum", "tax")
    kind = component.partition(":")[0]
    return kinds.index(kind) if kind in kinds else len(kinds), component
