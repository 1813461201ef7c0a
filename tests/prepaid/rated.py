"""Tariffs from a few lines of YAML, and energy rated with them, for tests of pricing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.contracts.units import WattHours
from hub.core.clock import to_us
from plugins.prepaid.pricing import Interval, PeriodBill, Timeline, Version, bill
from plugins.prepaid.tariffs import Tariff, load_tariff, tariff_from_text

EXAMPLES = Path(__file__).resolve().parents[2] / "plugins" / "prepaid" / "tariffs" / "examples"

HEAD = "tariff: t\nname: T\ncurrency: CNY\n"
ZONE = "Asia/Shanghai"


def tariff_of(text: str, zone: str = ZONE, scale: int = 2) -> Tariff:
    """A tariff whose head goes without saying."""
    return tariff_from_text(f"{HEAD}time_zone: {zone}\nscale: {scale}\n{text}")


def example(name: str) -> Tariff:
    """One that ships with the plugin."""
    return load_tariff(EXAMPLES / f"{name}.yaml")


def at(text: str, zone: str = ZONE) -> int:
    """An instant by its local time."""
    return to_us(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def timeline_of(tariff: Tariff, start: str = "2020-01-01", end: str | None = None) -> Timeline:
    """One version, from a local date to another."""
    zone = tariff.time_zone
    return Timeline([Version(tariff, 0)], at(start, zone), None if end is None else at(end, zone))


def interval(t0_us: int, t1_us: int, wh: int, number: int = 1) -> Interval:
    """Energy between two reads."""
    return Interval(t0_us, t1_us, WattHours(wh), number, number + 1)


def month(
    tariff: Tariff,
    wh: int,
    start: str = "2026-04-01",
    end: str = "2026-05-01",
    *,
    demand_w: int | None = None,
    past_demand_w: Sequence[int] = (),
    is_over: bool = True,
) -> PeriodBill:
    """The bill of one month with its energy spread evenly; demand is measured at noon."""
    zone = tariff.time_zone
    t0_us, t1_us = at(start, zone), at(end, zone)
    timeline = Timeline([Version(tariff, 0)], t0_us, t1_us)
    noted = {} if demand_w is None else {at(f"{start} 12:00", zone): demand_w}
    [found] = bill(
        [interval(t0_us, t1_us, wh)], timeline, is_over=is_over, demand_w=noted, past_demand_w=past_demand_w
    )
    return found
