"""Ladders of blocks at work: which block a use stands in, and what a stretch of use costs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from plugins.prepaid.tariffs.model import Ladder, LadderKind, Tariff
from plugins.prepaid.tariffs.prices import ANY


class Steps:
    """A ladder whose blocks are as long as the part of a period that they serve."""

    __slots__ = ("amounts", "ends", "is_graduated", "kind", "prices")

    def __init__(self, ladder: Ladder, days: int, base_days: int) -> None:
        """Scale the blocks' ends by days / base days, rounded half up to a Wh."""
        self.kind = ladder.kind
        self.is_graduated = ladder.kind is LadderKind.GRADUATED
        self.ends = tuple(
            (2 * block.up_to_wh * days + base_days) // (2 * base_days)
            for block in ladder.blocks
            if block.up_to_wh is not None
        )
        self.prices = tuple(dict(block.prices_micro) for block in ladder.blocks)
        self.amounts = tuple(block.amount_nano for block in ladder.blocks)

    def reached(self, use_wh: int) -> int:
        """The block that a total reaches; a total that just fills a block is still in it."""
        return bisect_left(self.ends, use_wh)

    def filling(self, use_wh: int) -> tuple[int, int | None]:
        """The block that the next Wh falls into, and where it ends; None for the last."""
        place = bisect_right(self.ends, use_wh)
        return place, self.ends[place] if place < len(self.ends) else None

    def cost_between(self, from_wh: int, to_wh: int) -> int:
        """What the stretch of use costs, each block at its own price; for ladders that know no band."""
        cost_nano = 0
        while from_wh < to_wh:
            place, end_wh = self.filling(from_wh)
            until_wh = to_wh if end_wh is None else min(to_wh, end_wh)
            cost_nano += (until_wh - from_wh) * self.prices[place][ANY]
            from_wh = until_wh
        return cost_nano


class Rates:
    """All ladders of a tariff, with blocks of one length."""

    __slots__ = ("adders", "by_band", "energy", "is_simple", "is_uniform", "thresholds")

    def __init__(self, tariff: Tariff, days: int, base_days: int) -> None:
        """Scale every ladder and every tax threshold alike."""
        made = {id(ladder): Steps(ladder, days, base_days) for ladder in tariff.energy.ladders.values()}
        self.energy = {band: made[id(ladder)] for band, ladder in tariff.energy.ladders.items()}
        self.by_band = tariff.energy.by_band
        self.adders = tuple((f"adder:{one.name}", Steps(one.ladder, days, base_days)) for one in tariff.adders)
        above = {tax.above_wh for tax in tariff.taxes if tax.above_wh is not None}
        self.thresholds = {wh: (2 * wh * days + base_days) // (2 * base_days) for wh in sorted(above)}
        self.is_simple = not self.thresholds and not any(one.is_graduated and one.ends for one in made.values())
        self.is_uniform = len(made) == 1 and all(
            len(set(prices.values())) == 1 for one in made.values() for prices in one.prices
        )
