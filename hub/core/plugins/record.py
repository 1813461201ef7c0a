"""What a plugin has done wrong lately, and when that is enough: failures, errors, blocks of the loop."""

from __future__ import annotations

from collections import deque

FAILURES_MAX = 3
FAILURES_WINDOW_S = 300.0
ERRORS_MAX = 100
ERRORS_WINDOW_S = 60.0
BLOCKED_S_MAX = 5.0
BLOCKED_WINDOW_S = 600.0


class Record:
    """One plugin's faults, in monotonic seconds; each method says what is too much, or "" while it is not."""

    def __init__(self) -> None:
        """Start clean."""
        self._failures: deque[float] = deque(maxlen=FAILURES_MAX)
        self._errors: deque[float] = deque(maxlen=ERRORS_MAX)
        self._blocks: deque[tuple[float, float]] = deque()

    @property
    def blocked_s(self) -> float:
        """For how long it has blocked the loop within the window."""
        return sum(seconds for _, seconds in self._blocks)

    def failed(self, now_s: float, text: str) -> str:
        """A start or run ended with an error."""
        self._failures.append(now_s)
        if len(self._failures) < FAILURES_MAX or now_s - self._failures[0] > FAILURES_WINDOW_S:
            return ""
        return f"failed {FAILURES_MAX} times within {FAILURES_WINDOW_S / 60:g} min, the last: {text}"

    def erred(self, now_s: float, text: str) -> str:
        """A listener or task raised."""
        self._errors.append(now_s)
        if len(self._errors) < ERRORS_MAX or now_s - self._errors[0] > ERRORS_WINDOW_S:
            return ""
        self._errors.clear()  # a critical plugin stays: it is told of once in so many errors
        return f"{ERRORS_MAX} errors within {ERRORS_WINDOW_S:g} s, the last: {text}"

    def blocked(self, now_s: float, where: str, seconds: float) -> str:
        """It held the event loop."""
        self._blocks.append((now_s, seconds))
        while now_s - self._blocks[0][0] > BLOCKED_WINDOW_S:
            self._blocks.popleft()
        if self.blocked_s <= BLOCKED_S_MAX:
            return ""
        window = f"{BLOCKED_WINDOW_S / 60:g} min"
        return f"blocked the event loop for {self.blocked_s:.1f} s within {window}, the last time in {where}"

    def clear(self) -> None:
        """Forget everything: a person took it in hand."""
        self._failures.clear()
        self._errors.clear()
        self._blocks.clear()
