"""Notices of the books: what was not billed and why, where a meter's count began anew, whether the ledger holds."""

from __future__ import annotations

from dataclasses import dataclass

from hub.contracts.ids import PointId, RegisterId
from hub.core.bus import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingHeld(Event):
    """A reading was not accepted: it waits for agreement, or for a person."""

    point: PointId
    register: RegisterId
    reason: str
    needs_person: bool
    """Only a person can say what it means: use it, begin a new epoch, or replace the meter."""

    @property
    def key(self) -> str:
        """The point."""
        return self.point


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochBegan(Event):
    """A register's count began anew: a first read, a reset, or a replaced meter."""

    point: PointId
    register: RegisterId
    reason: str
    is_expected: bool
    """False for a reset: energy between the last read and the reset was not seen by anybody."""

    @property
    def key(self) -> str:
        """The point."""
        return self.point


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBroken(Event):
    """The ledger contradicts itself: nothing is posted any more until a person has looked."""

    findings: int
    detail: str

    @property
    def key(self) -> None:
        """There is one ledger."""
        return
