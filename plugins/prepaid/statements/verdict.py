"""What came of verifying a proof bundle: every place where it contradicts itself, and how much was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

FINDINGS_MAX = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a bundle contradicts itself."""

    where: str
    what: str

    def __str__(self) -> str:
        """The finding as people read it."""
        return f"{self.where}: {self.what}"


@dataclass(slots=True)
class Verdict:
    """What came of a verification."""

    findings: list[Finding] = field(default_factory=list)
    statement: str = ""
    sha: str = ""
    checkpoint: str = ""
    """Day and hash of the sealed checkpoint over it; empty while nothing is sealed."""
    reads: int = 0
    segments: int = 0
    entries: int = 0
    withheld: int = 0
    """Entries that moved other tenants' money too: their hashes are proven, their content is not shown."""

    @property
    def is_good(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def add(self, where: str, what: str) -> None:
        """Note a finding."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(where, what))
