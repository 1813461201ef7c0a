"""What a verification found, and how much it looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

FINDINGS_MAX = 1_000
"""The most findings that are kept; the others are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where the books contradict themselves."""

    rule: str
    """Which promise is broken: `chain`, `I1` (an entry's sum), `I3` (a balance), `I14` (a closed period), ..."""
    what: str
    seq: int | None = None
    account: str | None = None

    def __str__(self) -> str:
        """The finding as people read it."""
        place = [*([] if self.seq is None else [f"entry {self.seq}"]), *([self.account] if self.account else [])]
        return ": ".join([self.rule, *([" ".join(place)] if place else []), self.what])


@dataclass(slots=True)
class Report:
    """The verdict over the books, complete once `is_done`."""

    since_seq: int = 0
    """Entries up to this one were taken as the checkpoint has them."""
    findings: list[Finding] = field(default_factory=list)
    omitted: int = 0
    """Findings beyond those that are kept."""
    entries: int = 0
    postings: int = 0
    seals: int = 0
    assertions: int = 0
    accounts: int = 0
    took_us: int = 0
    is_done: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether everything was looked at and nothing was found."""
        return self.is_done and not self.findings

    @property
    def postings_per_s(self) -> int:
        """How fast it went."""
        return self.postings * 1_000_000 // max(1, self.took_us)

    def add(self, rule: str, what: str, seq: int | None = None, account: str | None = None) -> None:
        """Note a finding."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(rule, what, seq, account))
        else:
            self.omitted += 1
