"""Judges a counter's new value beside its last believed one: pure, so that it can be replayed.

Energy is billed by what this lets through, so it never guesses: what cannot honestly have flowed is held until a
second look agrees, and a fall is never called use.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from hub.contracts.metering import EpochHint
from hub.contracts.profiles import Counter

ROLLOVER_FROM = Decimal("0.9")
"""A register can have rolled over only if it stood above this share of its modulus."""

SLACK = Decimal("1.2")
"""Honest meters and clocks differ by less than this."""

AGREEMENTS = 3
"""So many looks that agree make a fall believable, if they lie far enough apart."""

FALL_LASTS_US = 4_000_000
"""A fall that is over sooner was none: a real meter showed 0 for 3.4 seconds."""


class Belief(Enum):
    """What to do with a value."""

    TAKE = "take"
    HOLD = "hold"
    """Tell nobody, look again at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """The last value that was taken, and a doubtful one that waits for agreement."""

    raw: int
    monotonic_us: int
    """When it was read, by monotonic time: a clock step must not widen what is plausible."""
    doubted_raw: int | None = None
    doubted_looks: int = 0
    doubted_since_us: int = 0
    """When the first of those looks was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is thought of a value, and what is believed from now on."""

    belief: Belief
    hint: EpochHint
    believed: Believed
    reason: str = ""


def judge(
    raw: int, monotonic_us: int, before: Believed | None, counter: Counter, *, relay_was_open: bool = False
) -> Verdict:
    """Judge a new raw value; `relay_was_open` all the time since the last one: nothing can have flowed."""
    if before is None:
        return _take(raw, monotonic_us, EpochHint.FIRST)
    most = _most(counter, monotonic_us - before.monotonic_us, relay_was_open=relay_was_open)
    if before.raw <= raw <= before.raw + most:
        return _take(raw, monotonic_us, EpochHint.CONTINUES)
    if raw < before.raw and _has_rolled_over(raw, before.raw, most, counter):
        return _take(raw, monotonic_us, EpochHint.ROLLOVER)
    is_again = _agrees(raw, before.doubted_raw, most)
    looks = before.doubted_looks + 1 if is_again else 1
    since_us = before.doubted_since_us if is_again else monotonic_us
    fell = raw < before.raw
    if looks >= AGREEMENTS and monotonic_us - since_us >= FALL_LASTS_US if fell else looks >= 2:
        hint = EpochHint.RESET if fell else EpochHint.CONTINUES
        return _take(raw, monotonic_us, hint, f"{looks} looks agree on {raw} after {before.raw}")
    held = replace(before, doubted_raw=raw, doubted_looks=looks, doubted_since_us=since_us)
    what = "fell" if fell else f"grew by more than {most}"
    return Verdict(
        belief=Belief.HOLD, hint=EpochHint.CONTINUES, believed=held, reason=f"{what}: {before.raw} to {raw}"
    )


def _take(raw: int, monotonic_us: int, hint: EpochHint, reason: str = "") -> Verdict:
    believed = Believed(raw=raw, monotonic_us=monotonic_us)
    return Verdict(belief=Belief.TAKE, hint=hint, believed=believed, reason=reason)


def _most(counter: Counter, elapsed_us: int, *, relay_was_open: bool) -> int:
    """The most raw units that can honestly have been counted; one unit of the register is always possible."""
    if relay_was_open:
        return 1
    hours = Decimal(max(0, elapsed_us)) / 3_600_000_000
    return int((counter.rate_max_per_h * hours * SLACK).scaleb(-counter.scale)) + 1


def _has_rolled_over(raw: int, before: int, most: int, counter: Counter) -> bool:
    modulus = counter.modulus_raw
    return modulus is not None and before > modulus * ROLLOVER_FROM and raw + modulus - before <= most


def _agrees(raw: int, doubted: int | None, most: int) -> bool:
    """Whether a second look saw the same register go on from the doubtful value."""
    return doubted is not None and doubted <= raw <= doubted + most
