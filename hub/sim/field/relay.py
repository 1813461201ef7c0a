"""A meter's relay: what its contact does, and what its status says, which need not agree."""

from __future__ import annotations

from enum import Enum


class Shown(Enum):
    """What the relay's status says."""

    OPEN = "open"
    CLOSED = "closed"
    ARMED = "armed"


class SimulatedRelay:
    """A contact that moves a moment after its command, unless a fault keeps it."""

    __slots__ = (
        "_moves_at_us",
        "_moves_to",
        "_shown",
        "_shown_before",
        "_shown_since_us",
        "delay_us",
        "is_armed",
        "is_closed",
        "is_lying",
        "is_stuck",
        "lag_us",
        "moves",
        "needs_button",
    )

    def __init__(self, *, delay_us: int, needs_button: bool) -> None:
        """Start closed."""
        self.delay_us = delay_us
        self.needs_button = needs_button
        self.is_closed = True
        self.is_armed = False
        self.is_stuck = False
        """Commands are accepted and nothing moves."""
        self.is_lying = False
        """The status follows the command and the contact does not."""
        self.lag_us = 0
        """How long the status takes to follow the contact."""
        self.moves = 0
        self._moves_at_us: int | None = None
        self._moves_to = True
        self._shown = self._shown_before = Shown.CLOSED
        self._shown_since_us = 0

    def command(self, now_us: int, *, is_closed: bool) -> None:
        """Take a command off the wire."""
        if self.is_stuck:
            return
        if self.is_lying:
            self._show(Shown.CLOSED if is_closed else Shown.OPEN, now_us)
            return
        if is_closed and self.needs_button:
            if not self.is_closed:
                self.is_armed = True
                self._show(Shown.ARMED, now_us)
            return
        self._moves_at_us = now_us + self.delay_us
        self._moves_to = is_closed

    def press_button(self, now_us: int) -> bool:
        """Press the meter's button; whether that closed an armed relay."""
        if not self.is_armed:
            return False
        self.move(now_us, is_closed=True)
        return True

    def next_move_us(self) -> int | None:
        """When the contact will move by itself, if it will."""
        return self._moves_at_us

    def finish_move(self) -> None:
        """Let the move that is due happen."""
        assert self._moves_at_us is not None
        self.move(self._moves_at_us, is_closed=self._moves_to)

    def move(self, now_us: int, *, is_closed: bool) -> None:
        """Move the contact now, whoever wants it: a person, the meter itself, a command that is due."""
        self._moves_at_us = None
        self.is_armed = False
        self.moves += is_closed is not self.is_closed
        self.is_closed = is_closed
        self._show(Shown.CLOSED if is_closed else Shown.OPEN, now_us)

    def tell_the_truth(self, now_us: int) -> None:
        """Let the status agree with the contact again, at once."""
        self._shown = Shown.ARMED if self.is_armed else Shown.CLOSED if self.is_closed else Shown.OPEN
        self._shown_before, self._shown_since_us = self._shown, now_us

    def shown(self, now_us: int) -> Shown:
        """What the status says."""
        return self._shown if now_us >= self._shown_since_us + self.lag_us else self._shown_before

    def _show(self, shown: Shown, now_us: int) -> None:
        self._shown_before = self.shown(now_us)
        self._shown = shown
        self._shown_since_us = now_us
