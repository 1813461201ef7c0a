"""One meter as the field layer knows it: what it is, whether it answers, and who it says it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from hub.contracts.ids import MeterId, PointId
from hub.contracts.metering import EpochHint, Liveness
from hub.contracts.profiles import Point, Profile, Range
from plugins.kpm_modbus.health import Turns
from plugins.kpm_modbus.judge import Believed
from plugins.kpm_modbus.stuck import Still

MISSES_TO_DEAD = 3
PATIENCE_MAX_S = 0.3
PATIENCE_MARGIN_S = 0.03
TURNS_TO_LEARN = 50


@dataclass(frozen=True, slots=True)
class Quantity:
    """One of a meter's points as the supply point sees it: whose it is, and what it is called there."""

    point: PointId
    name: str


@dataclass(slots=True)
class Device:
    """A meter's place on a bus, with the instrument that is expected there."""

    meter: MeterId
    unit: int
    profile: Profile
    serial: str | None
    """The expected serial number; None for a type that has none."""
    quantities: Mapping[str, Quantity]
    """Whose each of the profile's points is; those of channels that feed nobody are missing."""
    liveness: Liveness = Liveness.LIVE
    misses: int = 0
    quarantined_for: str | None = None
    proven_s: float | None = None
    """Monotonic time of the last proof of identity since it last was silent; None before the first."""
    last_good_us: int | None = None
    dead_since_us: int | None = None
    back_off: int = 0
    """How many probes in a row went unanswered."""
    turns: Turns = field(default_factory=Turns)
    believed: dict[str, Believed] = field(default_factory=dict)
    """The last believed value of each counter, by the profile's name of it."""
    untold: dict[str, EpochHint] = field(default_factory=dict)
    """What no reading could say yet of each counter: it went on from another place while nothing was billed."""
    still: dict[str, Still] = field(default_factory=dict)
    """How long each billing register has stood where it stands."""
    powers_w: dict[PointId, Decimal] = field(default_factory=dict)
    """The power that each point last drew."""
    ratios: dict[str, Decimal] = field(default_factory=dict)
    """The transformer ratios that are known now, by the profile's name of their point."""
    ratio_flag: str | None = None
    """Why the ratios are not trusted, in words; None when they are."""
    gaps: tuple[Range, ...] = ()
    """Unlisted addresses that this very instrument was seen to read across."""
    multipliers: tuple[Point, ...] = field(init=False)
    """The points that multiply others: transformer ratios."""

    def __post_init__(self) -> None:
        """Look out what multiplies others, once: every reply asks for it."""
        names = {name for point in self.profile.points for name in point.multiply_by}
        self.multipliers = tuple(point for point in self.profile.points if point.name in names)

    @property
    def holder(self) -> str:
        """Whose a proof is: the instrument's by its serial number, else the place's."""
        return self.serial or self.meter

    def ratio_of(self, point: Point) -> tuple[int, int] | None:
        """What a point is multiplied by, as a fraction; None while one of its ratios is not known."""
        numerator, denominator = 1, 1
        for name in point.multiply_by:
            if name not in self.ratios:
                return None
            over, under = self.ratios[name].as_integer_ratio()
            numerator, denominator = numerator * over, denominator * under
        return numerator, denominator

    def billing(self, points: Collection[PointId]) -> tuple[Point, ...]:
        """The billing registers of some of its supply points."""
        return tuple(
            one
            for one in self.used
            if one.is_billing and (mine := self.quantities.get(one.name)) is not None and mine.point in points
        )

    def renew(self, serial: str) -> None:
        """Expect another instrument from now on; nothing that was known of the old one holds for it."""
        self.serial = serial
        self.quarantined_for = self.proven_s = self.ratio_flag = None
        for known in (self.believed, self.untold, self.still, self.powers_w, self.ratios):
            known.clear()
        self.gaps = ()
        if self.liveness is Liveness.SUSPECT:
            self.liveness = Liveness.LIVE

    @property
    def points(self) -> tuple[PointId, ...]:
        """The supply points that it meters."""
        return tuple(dict.fromkeys(quantity.point for quantity in self.quantities.values()))

    @property
    def used(self) -> tuple[Point, ...]:
        """The profile's points that somebody needs."""
        return tuple(
            point for point in self.profile.points if point.name in self.quantities or point in self.multipliers
        )

    @property
    def patience_s(self) -> float:
        """How long to wait until an answer begins: learnt from the slowest usual ones, and never long."""
        if len(self.turns.last_us) < TURNS_TO_LEARN:
            return PATIENCE_MAX_S
        return min(PATIENCE_MAX_S, 1.5 * self.turns.quantile_s(0.999, PATIENCE_MAX_S) + PATIENCE_MARGIN_S)

    @property
    def turn_s(self) -> float:
        """The answer delay to plan with."""
        return self.turns.quantile_s(0.5, float(self.profile.link.turn_s))

    def answered(self, turn_us: int) -> None:
        """It answered."""
        self.turns.add(turn_us)
        self.misses = 0
        if self.liveness is Liveness.SUSPECT:
            self.liveness = Liveness.LIVE

    def missed(self) -> bool:
        """It did not answer; whether it counts as dead from now on."""
        self.misses += 1
        if self.liveness in {Liveness.DEAD, Liveness.PROBING}:
            return False
        self.liveness = Liveness.SUSPECT if self.misses < MISSES_TO_DEAD else Liveness.DEAD
        return self.liveness is Liveness.DEAD

    def identity_fault(self, found: str | None) -> str | None:
        """What is wrong with a serial number that it sent; None when it is the expected one."""
        if found == self.serial:
            return None
        identity = self.profile.identity
        who = f"{self.meter}: unit {self.unit} says it is {found!r}"
        if identity is not None and not re.fullmatch(identity.pattern, found or ""):
            return f"{who}, which no {self.profile.id} can be; look at the wiring and the address"
        return (
            f"{who}, expected {self.serial!r}; the meter was swapped, or two meters share the address: "
            "look, then use meter.replace or correct the configuration"
        )
