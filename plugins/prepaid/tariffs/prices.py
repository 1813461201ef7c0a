"""Reads what energy costs: prices by band and season, blocks by use, and surcharges on top."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from types import MappingProxyType

from hub.contracts.units import NanoUnits, WattHours
from hub.core.config.show import show
from plugins.prepaid.tariffs.model import (
    Adder,
    BandSeason,
    Block,
    Energy,
    Ladder,
    LadderKind,
)
from plugins.prepaid.tariffs.node import Node

PRICE_DECIMALS = 6
AMOUNT_DECIMALS = 9
PRICE_MAX = 1_000_000
ANY = ("", "")
"""The key of an adder's price, which no band or season changes."""

_BLOCKS_MAX = 50


class Fill(Enum):
    """What fills the blocks."""

    TOTAL = "total"
    BAND = "band"


class PriceReader:
    """Reads prices for the bands and seasons of a tariff."""

    def __init__(self, bands: Sequence[str], seasons: Sequence[str]) -> None:
        """Take the names that prices are for."""
        self._bands = bands
        self._seasons = seasons

    def energy(self, node: Node) -> Energy:
        """The section `energy`."""
        by_band = False
        ladders: dict[str, Ladder] = {}
        if node.section([], ["price", "prices", "tiers"]):
            base = self._base(node)
            if node.has("tiers"):
                by_band, ladders = self._tiers(node.child("tiers"), base)
            elif not node.has("price") and not node.has("prices"):
                node.fault("missing key 'prices': what a kWh costs in each band; or 'price', or 'tiers'")
            else:
                ladders = dict.fromkeys(self._bands, Ladder(LadderKind.GRADUATED, (Block(None, base),)))
        return Energy(ladders=MappingProxyType(ladders), by_band=by_band)

    def adders(self, node: Node) -> Iterator[Adder]:
        """The section `adders`."""
        for name, one in node.entries("surcharges and rebates by name"):
            if not one.section([], ["price", "kind", "blocks"]):
                continue
            if one.has("price") == one.has("blocks"):
                one.fault("say either 'price', or 'kind' and 'blocks'")
            if not one.has("blocks"):
                price = _price(one.child("price"), least=-PRICE_MAX) if one.has("price") else 0
                block = Block(None, MappingProxyType({ANY: price}))
                yield Adder(name, Ladder(LadderKind.GRADUATED, (block,)))
                continue
            kind = self._kind(one)
            yield Adder(name, Ladder(kind, tuple(self._blocks(one.child("blocks"), kind, None))))

    def _kind(self, node: Node) -> LadderKind:
        if not node.has("kind"):
            node.fault("missing key 'kind': graduated, volume or flat_step")
            return LadderKind.GRADUATED
        return node.child("kind").word(LadderKind)

    def _base(self, node: Node) -> Mapping[BandSeason, int]:
        """The prices that do not depend on use; those of other bands may follow in the tiers."""
        if node.has("price") and node.has("prices"):
            node.fault("say either 'price', the same in every band, or 'prices' by band")
        if node.has("price"):
            return self._all(_price(node.child("price")))
        if not node.has("prices"):
            return MappingProxyType({})
        every_band = not node.has("tiers")
        return MappingProxyType(self._table(node.child("prices"), 0, every_band=every_band))

    def _all(self, price_micro: int) -> Mapping[BandSeason, int]:
        return MappingProxyType({(band, season): price_micro for band in self._bands for season in self._seasons})

    def _table(self, node: Node, least: int, *, every_band: bool) -> dict[BandSeason, int]:
        """Prices by band, each one number or by season."""
        found: dict[BandSeason, int] = {}
        for band, price in node.entries("prices by band"):
            if band not in self._bands:
                Node(band, node.faults, price.path).one_of(self._bands, "band")
            elif isinstance(price.value, dict):
                found |= self._by_season(band, price, least)
            else:
                amount = _price(price, least=least)
                found |= {(band, season): amount for season in self._seasons}
        missing = [band for band in self._bands if not node.has(band)]
        if missing and every_band and isinstance(node.value, dict):
            plural = "has" if len(missing) == 1 else "have"
            node.fault(f"{', '.join(map(repr, missing))} {plural} no price", at_key=True)
        return found

    def _by_season(self, band: str, node: Node, least: int) -> dict[BandSeason, int]:
        found = {}
        for season, price in node.entries("prices by season"):
            if season in self._seasons:
                found[band, season] = _price(price, least=least)
            else:
                Node(season, node.faults, price.path).one_of(self._seasons, "season")
        missing = [season for season in self._seasons if not node.has(season)]
        if missing:
            node.fault(f"no price in {', '.join(map(repr, missing))}")
        return found

    def _tiers(self, node: Node, base: Mapping[BandSeason, int]) -> tuple[bool, dict[str, Ladder]]:
        """Whether blocks fill by band, and the ladder of each band."""
        if not node.section(["kind", "blocks"], ["fill"]):
            return False, {}
        kind = self._kind(node) if node.has("kind") else LadderKind.GRADUATED
        blocks = node.child("blocks")
        fill = node.child("fill").word(Fill) if node.has("fill") else Fill.TOTAL
        if fill is Fill.TOTAL:
            ladder = Ladder(kind, tuple(self._blocks(blocks, kind, base)) if node.has("blocks") else ())
            return False, dict.fromkeys(self._bands, ladder)
        ladders: dict[str, Ladder] = {}
        for band, own in blocks.entries("blocks by band"):
            if band in self._bands:
                here = PriceReader([band], self._seasons)
                own_base = {key: price for key, price in base.items() if key[0] == band}
                ladders[band] = Ladder(kind, tuple(here._blocks(own, kind, own_base)))
            else:
                Node(band, node.faults, own.path).one_of(self._bands, "band")
        for band in self._bands:
            if band not in ladders and any(key[0] == band for key in base):
                ladders[band] = Ladder(LadderKind.GRADUATED, (Block(None, base),))
            elif band not in ladders and isinstance(blocks.value, dict):
                blocks.fault(f"band {band!r} has neither blocks here nor a price", at_key=True)
        return True, ladders

    def _blocks(self, node: Node, kind: LadderKind, base: Mapping[BandSeason, int] | None) -> Iterator[Block]:
        """The blocks of one ladder; `base` is None for an adder, whose prices know no band."""
        if not isinstance(node.value, list) or not 0 < len(node.value) <= _BLOCKS_MAX:
            node.fault(f"expected a list of 1 to {_BLOCKS_MAX} blocks such as {{up_to: 200, price: 0.5}}")
            return
        last = len(node.value) - 1
        highest_wh = 0
        for index in range(len(node.value)):
            block = node.child(index)
            keys = _keys(kind, is_adder=base is None)
            if not block.section([], ["up_to", *keys]):
                continue
            up_to_wh = self._up_to(block, is_last=index == last)
            if up_to_wh is not None and up_to_wh <= highest_wh:
                block.child("up_to").fault("blocks must rise: this one ends where the one before does, or below it")
            highest_wh = max(highest_wh, up_to_wh or 0)
            yield self._block(block, keys, base, up_to_wh)

    @staticmethod
    def _up_to(block: Node, *, is_last: bool) -> WattHours | None:
        if not block.has("up_to"):
            if not is_last:
                block.fault("missing key 'up_to': only the last block has no end")
            return None
        node = block.child("up_to")
        if is_last:
            node.fault("the last block has no end: leave 'up_to' out, or use beyond it has no price")
        if node.value == 0:
            node.fault("a block that ends at 0 kWh is none")
        return WattHours(node.number("kWh", decimals=3)) or None

    def _block(
        self, block: Node, keys: Sequence[str], base: Mapping[BandSeason, int] | None, up_to_wh: WattHours | None
    ) -> Block:
        said = [key for key in keys if block.has(key)]
        if len(said) != 1:
            block.fault(f"say one of {', '.join(keys)}" if len(keys) > 1 else f"missing key '{keys[0]}'")
            return Block(up_to_wh, MappingProxyType({}))
        node = block.child(said[0])
        if said[0] == "amount":
            amount = NanoUnits(node.number("an amount", decimals=AMOUNT_DECIMALS))
            prices = {ANY: 0} if base is None else {key: base.get(key, 0) for key in self._all(0)}
            return Block(up_to_wh, MappingProxyType(prices), amount)
        if base is None:
            return Block(up_to_wh, MappingProxyType({ANY: _price(node, least=-PRICE_MAX)}))
        if said[0] == "adder":
            return Block(up_to_wh, MappingProxyType(self._on_top(node, base)))
        if base:
            text = "the bands have prices already; write 'adder' for what this block adds to them"
            node.fault(text, at_key=True)
        if said[0] == "price":
            return Block(up_to_wh, self._all(_price(node)))
        return Block(up_to_wh, MappingProxyType(self._table(node, 0, every_band=True)))

    def _on_top(self, node: Node, base: Mapping[BandSeason, int]) -> dict[BandSeason, int]:
        """The prices of a block that adds to each band's own."""
        missing = [band for band in self._bands if not any(key[0] == band for key in base)]
        if missing:
            node.fault(f"nothing to add to: {', '.join(map(repr, missing))} has no price of its own", at_key=True)
        if isinstance(node.value, dict):
            added = self._table(node, -PRICE_MAX, every_band=True)
        else:
            added = dict(self._all(_price(node, least=-PRICE_MAX)))
        return {key: price + base.get(key, 0) for key, price in added.items()}


def _keys(kind: LadderKind, *, is_adder: bool) -> list[str]:
    """What a block of a ladder may say, one of it."""
    if kind is LadderKind.FLAT_STEP:
        return ["amount"]
    return ["price"] if is_adder else ["price", "prices", "adder"]


def _price(node: Node, *, least: int = 0) -> int:
    """Micro-units per kWh."""
    if node.value is None:
        node.fault(f"expected a price per kWh, got {show(node.value)}")
        return 0
    return node.number("a price per kWh", decimals=PRICE_DECIMALS, least=least, most=PRICE_MAX)
