"""What a render may cost: every step is paid for in units before it is done, and the budget ends.

One unit stands for about 10 ns of work or 8 bytes of memory. Whatever can grow pays by its size: a walk over a
sequence, a text that is made, a comparison of two lists. So a number of units bounds time and memory, and does so
in the same place on every machine and in every rehearsal. The clock is asked only every `_TRANCHE` units: it stops
what costs more than was thought, and a simple template never asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized, ValuesView
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from hub.automation.templates.errors import TemplateTooCostly

if TYPE_CHECKING:
    from hub.automation.templates.reading import Reading

TEXT_MAX = 262_144
"""Characters of the longest text that a template may make, its whole output included."""
ITEMS_MAX = 100_000
"""Items of the longest range."""
INT_BITS_MAX = 4_096

_TRANCHE = 50_000
_ITEM_UNITS = 10


@dataclass(frozen=True, slots=True)
class Limit:
    """How much one render may use."""

    units: int = 4_000_000
    time_s: float = 0.08


LIMIT = Limit()


class Budget:
    """What is left of a limit; `spend` raises when it is gone."""

    __slots__ = ("_beyond", "_deadline_s", "_left", "_limit", "_monotonic")

    def __init__(self, limit: Limit, monotonic: Callable[[], float]) -> None:
        """Start with the whole limit; the time starts at the first look at the clock."""
        self._limit = limit
        self._left = _TRANCHE
        self._beyond = limit.units - _TRANCHE
        self._monotonic = monotonic
        self._deadline_s: float | None = None

    def spend(self, units: int) -> None:
        """Pay for what is about to be done."""
        self._left -= units
        if self._left < 0:
            self._go_on()

    def _go_on(self) -> None:
        now_s = self._monotonic()
        if self._deadline_s is None:
            self._deadline_s = now_s + self._limit.time_s
        elif now_s > self._deadline_s:
            raise TemplateTooCostly(
                f"it takes more than {self._limit.time_s * 1000:.0f} ms; walk over fewer entities, or loop less"
            )
        needed = max(_TRANCHE, -self._left)
        if needed > self._beyond + _TRANCHE:
            raise TemplateTooCostly("it takes too many steps; walk over fewer entities, loop less, make less text")
        self._beyond -= needed
        self._left += needed


class Present:
    """The render that runs now: renders are synchronous and stay in the loop's thread, so one is enough."""

    __slots__ = ("reading",)

    def __init__(self) -> None:
        """Nothing is being rendered."""
        self.reading: Reading | None = None

    def now(self) -> Reading:
        """The render that runs now."""
        assert self.reading is not None, "template functions work only inside a render"
        return self.reading

    def spend(self, units: int) -> None:
        """Pay for what is about to be done."""
        assert self.reading is not None, "template functions work only inside a render"
        self.reading.spend(units)


PRESENT = Present()

SCALARS = frozenset({int, float, bool, type(None), Decimal, datetime, date, time, timedelta})


def text_units(text: str | bytes) -> int:
    """What making or walking a text costs: by its bytes."""
    size = len(text)
    if size > TEXT_MAX:
        raise TemplateTooCostly(f"a text of {size} characters is too long; {TEXT_MAX} is the most")
    return size >> 2 if isinstance(text, bytes) or text.isascii() else size


def weigh(value: object) -> None:
    """Pay for a value by its whole size: it is about to be walked, compared, printed, or was just made."""
    kind = type(value)
    if kind in SCALARS:
        return
    if kind is str:
        if len(value) > 64:  # type: ignore[arg-type]
            PRESENT.spend(text_units(value))  # type: ignore[arg-type]
        return
    _weigh_all(value)


def _weigh_all(value: object) -> None:
    """A structure that holds one list many times costs as if each were there: printing it would do so too."""
    spend = PRESENT.now().spend
    ahead: list[object] = [value]
    units = 0
    while ahead:
        one = ahead.pop()
        kind = type(one)
        if kind in SCALARS:
            units += 5
        elif isinstance(one, str | bytes):
            units += 10 + text_units(one)
        elif isinstance(one, range):
            units += 5 * len(one)
        elif isinstance(one, Mapping):
            units += 15 + 5 * len(one)
            ahead.extend(one.keys())
            ahead.extend(one.values())
        elif isinstance(one, list | tuple | AbstractSet | ValuesView):
            units += 15 + len(one)
            ahead.extend(one)
        else:
            units += 20  # an object of ours, which prints short
        if units > _TRANCHE:
            spend(units)
            units = 0
    spend(units)


def weighed(value: object) -> object:
    """The value, paid for."""
    weigh(value)
    return value


def walked(items: Iterable[object], units: int = _ITEM_UNITS) -> Iterator[object]:
    """The items one by one, each paid for; `units` is what the walker does with each."""
    if isinstance(items, range) and len(items) > ITEMS_MAX:
        raise TemplateTooCostly(f"a range of {len(items)} numbers is too long; {ITEMS_MAX} is the most")
    spend = PRESENT.now().spend
    for item in items:
        spend(units)
        yield item


def hashed(items: Iterable[object]) -> Iterator[object]:
    """The items for a set or the keys of a dict: those that share a hash pay for being compared with each other."""
    met: dict[int, int] = {}
    for item in walked(items, 30):
        weigh(item)
        mark = hash(item)
        met[mark] = met.get(mark, 0) + 1
        PRESENT.spend(10 * met[mark])
        yield item


def given(result: object) -> object:
    """What a function gives back, paid for; a lazy sequence is paid for as it is walked."""
    if isinstance(result, Iterator) and not isinstance(result, Sized):
        return walked(result)
    weigh(result)
    return result
