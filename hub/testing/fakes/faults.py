"""What can go wrong with every fake, set by the test while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from hub.core.clock import Clock
from hub.core.errors import HubError


class FakeAbsent(HubError):
    """The fake plays an interface that is not there."""


class FakeFailed(HubError):
    """The fake was told to fail."""


@dataclass(slots=True, kw_only=True)
class Faults:
    """The behaviours that all fakes know."""

    delay_s: float = 0.0
    """How long each asynchronous call takes before it does anything."""
    fail_next: int = 0
    """How many of the next asynchronous calls fail."""
    absent: bool = False
    """Nobody is there: a meter or platform that is silent, a service that is gone."""

    def take_failure(self) -> bool:
        """Whether this call shall fail; counts down."""
        if self.fail_next <= 0:
            return False
        self.fail_next -= 1
        return True

    async def strike(self, clock: Clock, who: str) -> None:
        """Be slow, absent or failing, for contracts where a failure is an exception."""
        await clock.sleep(self.delay_s)
        if self.absent:
            raise FakeAbsent(f"{who} is absent, as the test's faults say")
        if self.take_failure():
            raise FakeFailed(f"{who} fails, as the test's faults say ({self.fail_next} more to come)")
