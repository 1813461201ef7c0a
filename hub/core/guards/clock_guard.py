"""Holds the site while the wall clock cannot be trusted: before our time, behind our own records, or just stepped.

A step is a change of the wall clock against monotonic time, so zones and daylight saving are none: neither clock
knows them. A machine that slept shows as a step forward. Steps too small to count (leap seconds, a time server's
corrections) add up until they do.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from hub.core import context as contexts
from hub.core.bus import Bus, Event
from hub.core.clock import EARLIEST_SANE_US, Clock, from_us
from hub.core.context import Context
from hub.core.errors import HubError
from hub.core.holds import CLOCK_DOUBTFUL, Holds

log = logging.getLogger(__name__)

TOLERANCE_S = 2.0
"""More than a leap second, less than anything that could move a record into another interval unseen."""

SETTLE_S = 300.0
"""How long after a step the clock must run evenly before it is trusted again."""

CHECK_S = 1.0
CHECK_VIRTUAL_S = 60.0
"""A simulated month has 2.6 million seconds, and whoever is about to act calls `check()` himself."""

READINGS_MAX = 3
READING_S = 0.1
"""The two clocks are read one after the other; a pair torn further apart is read again."""


class ClockInsane(HubError):
    """The wall clock reads a time before this code was written; nobody can confirm that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStepped(Event):
    """The wall clock jumped against monotonic time; timers set by wall time are to be armed again."""

    step_s: float


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person's word that the clock was right at an instant, and that records after it are misdated."""

    at_us: int
    overruled_us: int | None
    """The newest record that the confirmed time was behind of; None when it was behind of none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockConfirmed(Event):
    """A person confirmed the clock; kept by the hub, so that a restart does not ask again."""

    confirmation: Confirmation


class ClockGuard:
    """Checks the wall clock against monotonic time and against our own records."""

    def __init__(
        self,
        clock: Clock,
        holds: Holds,
        bus: Bus,
        newest_record_us: int | None,
        *,
        confirmed: Confirmation | None = None,
        settle_s: float = SETTLE_S,
        check_s: float | None = None,
    ) -> None:
        """Guard from here on; the newest record is the database's, `confirmed` what a person last said."""
        self._clock = clock
        self._holds = holds
        self._bus = bus
        self._settle_s = settle_s
        self._check_s = check_s or (CHECK_VIRTUAL_S if clock.is_virtual else CHECK_S)
        self._newest_us = newest_record_us or 0
        overruled_us = confirmed.overruled_us if confirmed is not None else None
        if confirmed is not None and overruled_us is not None and self._newest_us <= overruled_us:
            self._newest_us = confirmed.at_us
        self._is_behind = False
        self._stepped_at_s: float | None = None
        self._step_text = ""
        self._standing: tuple[bool, bool, float | None] = (False, False, None)
        _, _, self._ahead_us = self._read()

    @property
    def newest_us(self) -> int:
        """The newest record known; the clock is behind while it reads less."""
        return self._newest_us

    def note_record(self, instant_us: int) -> None:
        """Keep up with what is recorded, by the hub's own clock (never a device's)."""
        if instant_us > self._newest_us:
            self._newest_us = instant_us

    async def run(self) -> None:
        """Check for ever: every second, or every virtual minute."""
        while True:
            self.check()
            await self._clock.sleep(self._check_s)

    def check(self) -> bool:
        """Whether the clock may be trusted now, for whoever is about to act by it; keeps the hold. Cheap."""
        now_us, now_s, ahead_us = self._read()
        step_us = ahead_us - self._ahead_us
        has_stepped = abs(step_us) > TOLERANCE_S * 1e6
        if has_stepped:
            self._ahead_us = ahead_us
            self._stepped_at_s = now_s
            self._step_text = _step_text(now_us, step_us, self._settle_s)
        elif self._stepped_at_s is not None and now_s - self._stepped_at_s >= self._settle_s:
            self._stepped_at_s = None
        is_insane = now_us < EARLIEST_SANE_US
        late_us = self._newest_us - now_us
        self._is_behind = late_us > (0 if self._is_behind else TOLERANCE_S * 1e6)
        self._settle(now_us, (is_insane, self._is_behind, self._stepped_at_s))
        if has_stepped:
            self._bus.publish(ClockStepped(step_s=step_us / 1e6))
        return not any(self._doubts())

    def confirm(self, context: Context) -> Confirmation:
        """Take a person's word that the clock is right: the hold is lifted, and records after now do not count."""
        self.check()
        now_us = self._clock.now_us()
        if now_us < EARLIEST_SANE_US:
            raise ClockInsane(
                f"the wall clock reads {_text(now_us)}, which cannot be right; set the machine's clock first "
                "(timedatectl, or the time server), then confirm it"
            )
        confirmation = Confirmation(now_us, self._newest_us if self._newest_us > now_us else None)
        self._newest_us = min(self._newest_us, now_us)
        self._stepped_at_s, self._is_behind = None, False
        log.warning("%s confirmed that the wall clock is right: %s", context.actor, _text(now_us))
        self._settle(now_us, (False, False, None), context)
        self._bus.publish(ClockConfirmed(context=context, confirmation=confirmation))
        return confirmation

    def _read(self) -> tuple[int, float, int]:
        """The wall clock, the monotonic one, and how far the first is ahead of the second."""
        now_us, after_s = 0, 0.0
        for _ in range(READINGS_MAX):
            before_s = self._clock.monotonic()
            now_us = self._clock.now_us()
            after_s = self._clock.monotonic()
            if after_s - before_s < READING_S:
                break
        return now_us, after_s, now_us - round(after_s * 1e6)

    def _doubts(self) -> tuple[bool, bool, bool]:
        is_insane, is_behind, stepped_at_s = self._standing
        return is_insane, is_behind, stepped_at_s is not None

    def _settle(
        self, now_us: int, standing: tuple[bool, bool, float | None], context: Context = contexts.SYSTEM
    ) -> None:
        """Place or lift the hold when the doubts have changed; the detail is written once per change."""
        if standing == self._standing:
            return
        self._standing = standing
        is_insane, is_behind, has_stepped = self._doubts()
        details = []
        if is_insane:
            details.append(
                f"the wall clock reads {_text(now_us)}, so the machine lost its time; check its battery and its "
                "time server, or set the clock; the hold ends by itself then"
            )
        elif is_behind:
            details.append(
                f"the wall clock reads {_text(now_us)}, {_span(self._newest_us - now_us)} before the newest record "
                f"({_text(self._newest_us)}); check the machine's clock; the hold ends when the clock has passed "
                "that record, or when a person confirms the clock"
            )
        if has_stepped and not is_insane:
            details.append(self._step_text)
        with contexts.use(context):  # whoever asked for the check has not caused what it found
            if details:
                self._holds.place(CLOCK_DOUBTFUL, "; ".join(details))
            else:
                self._holds.lift(CLOCK_DOUBTFUL)


def _step_text(now_us: int, step_us: int, settle_s: float) -> str:
    way = "forward" if step_us > 0 else "back"
    why = "it was set, or the machine slept" if step_us > 0 else "it was set"
    return (
        f"the wall clock jumped {way} by {_span(abs(step_us))} to {_text(now_us)} ({why}); check it against a "
        f"watch; the hold ends after {_span(round(settle_s * 1e6))} without another jump, or when a person "
        "confirms the clock"
    )


def _text(instant_us: int) -> str:
    try:
        return f"{from_us(instant_us):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:  # a damaged record may claim any time; the hold must stand all the same
        return f"{instant_us} us since 1970"


def _span(length_us: int) -> str:
    """A length of time for people, to the second."""
    return str(timedelta(seconds=round(length_us / 1e6)))
