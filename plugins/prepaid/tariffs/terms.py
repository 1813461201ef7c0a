"""Reads what is charged besides energy: fixed charges, the minimum, demand and taxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.contracts.units import NanoUnits, WattHours
from plugins.prepaid.tariffs.model import (
    Accrual,
    Adder,
    ChargeKind,
    Demand,
    Energy,
    Fixed,
    LadderKind,
    Minimum,
    Rounding,
    Tax,
)
from plugins.prepaid.tariffs.node import Node
from plugins.prepaid.tariffs.prices import AMOUNT_DECIMALS, PRICE_DECIMALS, PRICE_MAX

_PERCENT_DECIMALS = 4
_AMOUNT_MAX = 1_000_000
_ENERGY_KINDS = (ChargeKind.ENERGY.value, ChargeKind.ADDER.value)
_MINIMUM_OF = (*_ENERGY_KINDS, ChargeKind.DEMAND.value)
_RATCHET_MONTHS = 12
_ROUND_NONE = "none"


class TermReader:
    """Reads the sections that speak of charges by name."""

    def __init__(self, root: Node, bands: Sequence[str], energy: Energy, adders: Sequence[Adder]) -> None:
        """Take the document, and what its other sections say."""
        self._root = root
        self._bands = bands
        names = root.child("fixed").value
        fixed = [f"fixed:{name}" for name in names] if isinstance(names, dict) else []
        names_of_adders = [f"adder:{one.name}" for one in adders]
        self._components = [*(kind.value for kind in ChargeKind), *names_of_adders, *fixed]
        self._steps = _with_steps(energy, adders)

    def fixed(self) -> Iterator[Fixed]:
        """The section `fixed`."""
        if not self._root.has("fixed"):
            return
        for name, node in self._root.child("fixed").entries("fixed charges by name"):
            if node.section(["amount"], ["accrue"]):
                yield Fixed(name, self._amount(node, least=-_AMOUNT_MAX), self._accrual(node))

    def minimum(self) -> Minimum | None:
        """The section `minimum`."""
        if not self._root.has("minimum"):
            return None
        node = self._root.child("minimum")
        if not node.section(["amount"], ["accrue", "of"]):
            return None
        of = self._named(node, "of", _MINIMUM_OF)
        if ChargeKind.MINIMUM.value in of:
            node.child("of").fault("a minimum cannot count itself")
        return Minimum(self._amount(node, least=0), self._accrual(node), of)

    def demand(self) -> Demand | None:
        """The section `demand`."""
        if not self._root.has("demand"):
            return None
        node = self._root.child("demand")
        if not node.section(["price", "round"], ["bands", "ratchet"]):
            return None
        bands: Sequence[str | None] = self._bands
        if node.has("bands"):
            bands = [item.one_of(self._bands, "band") for item in node.child("bands").items("names of bands")]
        ratchet_ppm, months = self._ratchet(node)
        return Demand(
            price_micro_per_kw=node.number_at("price", "a price per kW", decimals=PRICE_DECIMALS, most=PRICE_MAX),
            bands=frozenset(band for band in bands if band is not None),
            rounding=self._round(node),
            ratchet_ppm=ratchet_ppm,
            ratchet_months=months,
        )

    @staticmethod
    def _round(node: Node) -> Rounding | None:
        if not node.has("round"):
            return None
        word = node.child("round")
        if word.value == _ROUND_NONE:
            return None
        return word.word(Rounding)

    @staticmethod
    def _ratchet(node: Node) -> tuple[int, int]:
        if not node.has("ratchet"):
            return 0, 0
        ratchet = node.child("ratchet")
        if not ratchet.section(["percent"], ["months"]):
            return 0, 0
        percent_ppm = ratchet.number_at("percent", "a percentage", decimals=_PERCENT_DECIMALS, most=100)
        months = ratchet.number_at("months", "months", decimals=0, default=_RATCHET_MONTHS, least=1, most=60)
        return percent_ppm, months

    def taxes(self) -> Iterator[Tax]:
        """The section `taxes`."""
        if not self._root.has("taxes"):
            return
        for name, node in self._root.child("taxes").entries("taxes by name"):
            if not node.section(["percent", "included"], ["on", "above_kwh"]):
                continue
            rate_ppm = node.number_at("percent", "a percentage", decimals=_PERCENT_DECIMALS, most=1000)
            included = node.child("included").boolean() if node.has("included") else False
            above = WattHours(node.number_at("above_kwh", "kWh", decimals=3)) if node.has("above_kwh") else None
            every = _ENERGY_KINDS if above is not None else tuple(kind.value for kind in ChargeKind)
            on = self._named(node, "on", every)
            if above is not None:
                self._check_above(node, on)
            yield Tax(name, rate_ppm, included, on, above)

    def _check_above(self, node: Node, on: frozenset[str]) -> None:
        """A tax above a use can only be on what energy makes, kWh by kWh."""
        others = sorted(one for one in on if one not in _ENERGY_KINDS and not one.startswith("adder:"))
        above = node.child("above_kwh")
        if others:
            above.fault(f"only energy lies above a use; {', '.join(others)} does not: make it a tax of its own")
        if self._steps & on:
            above.fault(f"{', '.join(sorted(self._steps & on))} has flat steps, which have no part above a use")

    def _named(self, node: Node, key: str, default: Sequence[str]) -> frozenset[str]:
        """Kinds of components, or single ones."""
        if not node.has(key):
            return frozenset(default)
        named = [item.one_of(self._components, "charge") for item in node.child(key).items("names of charges")]
        return frozenset(one for one in named if one is not None)

    @staticmethod
    def _amount(node: Node, *, least: int) -> NanoUnits:
        return NanoUnits(
            node.number_at("amount", "an amount", decimals=AMOUNT_DECIMALS, least=least, most=_AMOUNT_MAX)
        )

    @staticmethod
    def _accrual(node: Node) -> Accrual:
        return node.word_at("accrue", Accrual.WHOLE)


def _with_steps(energy: Energy, adders: Sequence[Adder]) -> frozenset[str]:
    """What a tax or minimum calls the charges that are made of flat steps."""
    found = {f"adder:{one.name}" for one in adders if one.ladder.kind is LadderKind.FLAT_STEP}
    if found:
        found.add(ChargeKind.ADDER.value)
    if any(ladder.kind is LadderKind.FLAT_STEP for ladder in energy.ladders.values()):
        found.add(ChargeKind.ENERGY.value)
    return frozenset(found)
