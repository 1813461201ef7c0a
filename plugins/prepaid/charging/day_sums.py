"""What contracts and points used and cost by day, summed up for people, and read again only where it was posted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from hub.contracts.ids import ContractId, PointId
from hub.core.storage import Reader

MEAN_DAYS = 7
"""Days of credit left come from the mean of so many whole days before today."""

_SPANS = (
    "coalesce(sum({0}) FILTER (WHERE day = :today), 0), coalesce(sum({0}) FILTER (WHERE day >= :month), 0),"
    " coalesce(sum({0}) FILTER (WHERE day >= :week AND day < :today), 0)"
)
_CONTRACT = (
    f"SELECT {_SPANS.format('wh')}, {_SPANS.format('charged_minor')} FROM prepaid__days"  # noqa: S608 - our own words
    " WHERE contract = :id AND day BETWEEN min(:month, :week) AND :today"
)
_POINT = (
    f"SELECT {_SPANS.format('wh')} FROM prepaid__point_days"  # noqa: S608 - our own words
    " WHERE point = :id AND day BETWEEN min(:month, :week) AND :today"
)


@dataclass(frozen=True, slots=True)
class Sums:
    """What was written down of one contract or point; a point has no cost of its own."""

    day_wh: int = 0
    month_wh: int = 0
    week_wh: int = 0
    """On the last whole days before today, `MEAN_DAYS` of them."""
    day_minor: int = 0
    month_minor: int = 0
    week_minor: int = 0


NOTHING = Sums()


@dataclass(frozen=True, slots=True)
class DaySums:
    """The sums as seen on one day."""

    contracts: dict[ContractId, Sums]
    points: dict[PointId, Sums]

    def of(self, contracts: Iterable[ContractId]) -> list[Sums]:
        """The sums of some contracts."""
        return [self.contracts.get(contract, NOTHING) for contract in contracts]


def day_sums(reader: Reader, today: date, contracts: Iterable[ContractId], points: Iterable[PointId]) -> DaySums:
    """The sums of these contracts and points up to a day."""
    days = {
        "today": today.isoformat(),
        "month": today.replace(day=1).isoformat(),
        "week": date.fromordinal(today.toordinal() - MEAN_DAYS).isoformat(),
    }
    return DaySums(
        {one: Sums(*_row(reader, _CONTRACT, {**days, "id": one})) for one in contracts},
        {one: Sums(*_row(reader, _POINT, {**days, "id": one})) for one in points},
    )


def _row(reader: Reader, query: str, parameters: dict[str, str]) -> tuple[int, ...]:
    row = reader.one(query, parameters)
    assert row is not None, "sums are one row, also of nothing"
    return tuple(row)
