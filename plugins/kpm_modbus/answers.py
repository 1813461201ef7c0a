"""A link that counts, meter by meter, what was asked and what came of it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.contracts.links import Failure, Link, LinkFailed, Reply, Request, WireTiming
from plugins.kpm_modbus.wire.record import WireRecord

ASKED_KEPT = 20
"""A meter's signal is its share of good answers among the last so many questions."""


@dataclass(slots=True)
class MeterAnswers:
    """How one meter answers."""

    asked: int = 0
    good: int = 0
    failures: Counter[Failure] = field(default_factory=Counter)
    last: deque[bool] = field(default_factory=lambda: deque(maxlen=ASKED_KEPT))

    def note(self, failure: Failure | None) -> None:
        """Note what came of a question; a refusal is an answer as well, by a meter that is well heard."""
        self.asked += 1
        is_good = failure in {None, Failure.EXCEPTION}
        self.good += is_good
        self.last.append(is_good)
        if failure is not None:
            self.failures[failure] += 1

    @property
    def signal(self) -> float | None:
        """The share of good answers of late; None before the first question."""
        return sum(self.last) / len(self.last) if self.last else None


class CountingLink:
    """Another link's transactions, counted by unit."""

    def __init__(self, link: Link, url: str) -> None:
        """Count what goes over a link."""
        self._link = link
        self.url = url
        self._answers: dict[int, MeterAnswers] = {}

    @property
    def timing(self) -> WireTiming:
        """The wire's timing."""
        return self._link.timing

    @property
    def record(self) -> WireRecord | None:
        """The last frames and what was heard besides; None for a link that keeps none, such as a simulated one."""
        record = getattr(self._link, "record", None)
        return record if isinstance(record, WireRecord) else None

    @property
    def answers(self) -> Mapping[int, MeterAnswers]:
        """How the meters answer that were asked so far, by unit."""
        return self._answers

    async def transact(self, request: Request, timeout_s: float) -> Reply:
        """Ask, and count what comes of it; see `Link.transact`."""
        answers = self._answers.setdefault(request.unit, MeterAnswers())
        try:
            reply = await self._link.transact(request, timeout_s)
        except LinkFailed as error:
            if error.was_sent:
                answers.note(error.reason)
            raise
        answers.note(None)
        return reply

    async def close(self) -> None:
        """Let go of port or connection."""
        await self._link.close()
