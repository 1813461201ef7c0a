"""What a tariff says, as frozen values: prices in micro-units per kWh, amounts in nano-units, blocks in Wh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum

from hub.contracts.units import NanoUnits, WattHours

EVERY_SEASON = "all_year"
"""The name of the only season of a tariff that names none."""
EVERY_DAY = "every_day"
"""The name of the only day type of a tariff that names none."""
ONLY_BAND = "all_day"
"""The name of the only band of a tariff that names none."""

MonthDay = tuple[int, int]
BandSeason = tuple[str, str]

_NOTHING = NanoUnits(0)


class Rounding(Enum):
    """How an exact amount becomes minor units; `up` is away from zero, `down` towards it."""

    HALF_EVEN = "half_even"
    HALF_UP = "half_up"
    HALF_DOWN = "half_down"
    UP = "up"
    DOWN = "down"


class LadderKind(Enum):
    """What a block's price applies to."""

    GRADUATED = "graduated"
    """Each block's own energy."""
    VOLUME = "volume"
    """All energy of the period, at the price of the block that the total reaches."""
    FLAT_STEP = "flat_step"
    """The block that the total reaches costs an amount, whatever the energy inside it."""


class OnChange(Enum):
    """What the blocks do when this version takes over from another inside a period."""

    CARRY = "carry"
    """The use counted so far goes on."""
    RESTART = "restart"
    """The count starts at zero, with whole blocks."""
    PRORATE = "prorate"
    """Each version counts from zero, with its blocks times its days / base days."""


class Accrual(Enum):
    """When a fixed charge or a minimum falls due."""

    WHOLE = "whole"
    """The month's amount at once."""
    DAILY = "daily"
    """The month's amount times days begun / days of the month."""
    PER_DAY = "per_day"
    """An amount for each day begun."""


class ChargeKind(Enum):
    """The kinds of component that a tax or a minimum can name."""

    ENERGY = "energy"
    ADDER = "adders"
    FIXED = "fixed"
    DEMAND = "demand"
    MINIMUM = "minimum"


@dataclass(frozen=True, slots=True)
class Block:
    """A step of a ladder; the last has no upper end."""

    up_to_wh: WattHours | None
    prices_micro: Mapping[BandSeason, int]
    """Per kWh for each band and season, the band's own price included; an adder's ladder uses one key."""
    amount_nano: NanoUnits = _NOTHING
    """What reaching this block costs, in a ladder of flat steps."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Blocks in rising order, and what their prices apply to."""

    kind: LadderKind
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Proration:
    """Blocks shrink or grow with the days that a period covers, unless these are between two bounds."""

    days_min: int
    days_max: int
    base_days: int


@dataclass(frozen=True, slots=True)
class Energy:
    """What a kWh costs, by band, season and use."""

    ladders: Mapping[str, Ladder]
    """For each band; one and the same ladder for all bands when blocks fill by total use."""
    by_band: bool
    """Blocks fill by each band's own use instead of by total use in order of time."""


@dataclass(frozen=True, slots=True)
class Adder:
    """A surcharge, or below zero a rebate, on all energy of the period."""

    name: str
    ladder: Ladder


@dataclass(frozen=True, slots=True)
class Fixed:
    """A charge that does not depend on energy."""

    name: str
    amount_nano: NanoUnits
    accrual: Accrual


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least that some components must come to; looked at when a period ends, never before."""

    amount_nano: NanoUnits
    accrual: Accrual
    of: frozenset[str]
    """Kinds of components, or single ones such as `fixed:service`."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A charge on the highest demand of the period."""

    price_micro_per_kw: int
    bands: frozenset[str]
    """Demand counts inside these only."""
    rounding: Rounding | None
    """To whole kW; None charges to the watt."""
    ratchet_ppm: int
    """The final snapshot charges at least this part of the highest demand of the months before."""
    ratchet_months: int


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax on some components."""

    name: str
    rate_ppm: int
    is_included: bool
    """It is inside the prices: statements show it, nothing is posted for it."""
    on: frozenset[str]
    """Kinds of components, or single ones such as `fixed:service`."""
    above_wh: WattHours | None
    """Only on the energy above this use in a period, in order of time."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which band a minute belongs to."""

    seasons: Mapping[MonthDay, str]
    """For all 366 days."""
    day_types: Mapping[int, str]
    """For each weekday, Monday 0."""
    holiday_type: str | None
    holidays: frozenset[date]
    workdays: frozenset[date]
    """Days that are worked although they fall on a weekend; they count as Mondays."""
    times: Mapping[tuple[str, str], tuple[tuple[int, str], ...]]
    """For each season and day type the starting minutes of bands, from minute 0."""

    def season_of(self, day: date) -> str:
        """The season of a date."""
        return self.seasons[day.month, day.day]

    def day_type_of(self, day: date) -> str:
        """The day type of a date: holidays first, then adjusted workdays, then the weekday."""
        if self.holiday_type is not None and day in self.holidays:
            return self.holiday_type
        return self.day_types[0 if day in self.workdays else day.weekday()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """One version of a tariff; when it takes effect is said when it is published, not here."""

    code: str
    name: str
    currency: str
    scale: int
    """Decimals of the currency's minor unit."""
    time_zone: str
    group: str | None
    rounding: Rounding
    on_change: OnChange
    proration: Proration | None
    bands: tuple[str, ...]
    seasons: tuple[str, ...]
    calendar: Calendar
    energy: Energy
    adders: tuple[Adder, ...]
    fixed: tuple[Fixed, ...]
    minimum: Minimum | None
    demand: Demand | None
    taxes: tuple[Tax, ...]
    canonical: bytes
    """The document itself as sorted JSON, numbers as text: the same words give the same bytes."""
    content_sha: str
    """SHA-256 of `canonical`, in hex."""
