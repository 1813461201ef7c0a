"""What is known of the gaps between a meter's registers: which instrument let itself be read across which, durably.

A profile lists what its source documents. Reading across what it does not list saves wire time, and is done only
where this very instrument was seen to answer it rightly.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from hub.contracts.links import Failure, Function, LinkFailed
from hub.contracts.profiles import Point, Range
from hub.contracts.profiles.words import decode
from hub.core.clock import Clock
from hub.core.plugins import PluginDatabase
from hub.core.storage import Reader, Tx
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.planner import Gap

BUSY = 6
"""The exception by which a meter says that it has no time, not that it will not."""

_SAYS_NO = frozenset({
    Failure.EXCEPTION, Failure.NO_REPLY, Failure.WRONG_LENGTH, Failure.WRONG_FUNCTION,
})  # fmt: skip
"""What a read across a gap may end with because of the gap; all else is the wire's fault and proves nothing."""

_Key = tuple[str, str, Function, int, int]


class Proof(Enum):
    """What a try at a gap has shown."""

    READABLE = "readable"
    REFUSED = "refused"
    UNSURE = "unsure"
    """Nothing either way: it is tried again later."""


class Gaps:
    """Every gap that was tried, by type and instrument, in memory and on disk."""

    def __init__(self, db: PluginDatabase, clock: Clock) -> None:
        """Use the plugin's database; `load` first."""
        self._db = db
        self._clock = clock
        self._known: dict[_Key, bool] = {}

    async def load(self) -> None:
        """Take up what earlier starts have tried."""

        def read(reader: Reader) -> dict[_Key, bool]:
            rows = reader.all("SELECT profile, holder, function, first, last, is_readable FROM kpm_modbus__gaps")
            return {(row[0], row[1], Function(row[2]), row[3], row[4]): bool(row[5]) for row in rows}

        self._known = await self._db.read(read)

    def readable(self, device: Device) -> tuple[Range, ...]:
        """What this instrument was seen to read across."""
        return self._of(device, is_readable=True)

    def refused(self, device: Device) -> tuple[Range, ...]:
        """What it would not, or did not rightly."""
        return self._of(device, is_readable=False)

    async def note(self, device: Device, gap: Range, detail: str, *, is_readable: bool) -> None:
        """Remember for good what a gap of an instrument is."""
        key: _Key = (device.profile.id, device.holder, gap.function, gap.first, gap.last)
        row = (*key, int(is_readable), detail, self._clock.now_us())
        self._known[key] = is_readable

        def write(tx: Tx) -> None:
            tx.execute(
                "INSERT INTO kpm_modbus__gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (profile, holder, function, first, last) DO UPDATE"
                " SET is_readable = excluded.is_readable, detail = excluded.detail, at_us = excluded.at_us",
                row,
            )

        await self._db.write(write)

    def _of(self, device: Device, *, is_readable: bool) -> tuple[Range, ...]:
        whose = (device.profile.id, device.holder)
        return tuple(
            Range(function=function, first=first, last=last)
            for (profile, holder, function, first, last), known in self._known.items()
            if (profile, holder) == whose and known is is_readable
        )


def judge_refusal(error: LinkFailed) -> Proof:
    """What it says of a gap that a read across it failed, while the meter answers all else."""
    if error.reason not in _SAYS_NO or error.exception_code == BUSY:
        return Proof.UNSURE
    return Proof.REFUSED


def judge_words(gap: Gap, words: Sequence[int], earlier: Sequence[int], later: Sequence[int]) -> tuple[Proof, str]:
    """Compare the value behind a gap, as read across it, with itself read alone before and after.

    A meter that leaves the gap out of its reply, or fills up with zeros, sends the right number of words all the
    same; so the value has to lie between its neighbours in time, and zeros prove nothing.
    """
    point = gap.after
    across = gap.read.words_of(point, words)
    if not any(across) and not any(earlier) and not any(later):
        return Proof.UNSURE, f"{point.name} behind it reads 0 either way"
    if across in (tuple(earlier), tuple(later)) or _lies_between(point, across, tuple(earlier), tuple(later)):
        return Proof.READABLE, f"{point.name} behind it reads the same alone"
    if tuple(earlier) == tuple(later):
        return Proof.REFUSED, f"{point.name} behind it reads otherwise alone"
    return Proof.UNSURE, f"{point.name} behind it moves too fast to compare"


def _lies_between(point: Point, across: tuple[int, ...], earlier: tuple[int, ...], later: tuple[int, ...]) -> bool:
    first, value, last = (decode(point, words).raw for words in (earlier, across, later))
    if first is None or value is None or last is None or point.counter is None:
        return False  # of a gauge only the very same value is taken: its neighbours may be much alike
    return first <= value <= last
