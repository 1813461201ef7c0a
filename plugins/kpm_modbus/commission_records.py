"""The record of a commissioning session: who, which point, every step with its evidence; one row, kept for good."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from hub.contracts.ids import Fence, PointId
from hub.contracts.relays import CommandResult, Evidence, ObservedRelay, Position
from hub.core.clock import from_us
from hub.core.storage import Reader, Row, Tx

Findings: TypeAlias = "Mapping[str, str | int | list[int] | None]"
"""What a step found, as it is written down."""

IDENTITY, TRIP, RESTORE = "identity", "trip", "restore"


class Ended(Enum):
    """How a session ended."""

    PASSED = "passed"
    FAILED = "failed"
    """A test went wrong, or the person saw something else than the meter said."""
    ABANDONED = "abandoned"
    """Ended before the relay was moved, or because supply control took over."""
    UNFINISHED = "unfinished"
    """Nobody went on, or the hub stopped in its middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: written down when it begins, and again when it ends."""

    name: str
    began_us: int
    ended_us: int | None = None
    has_passed: bool = False
    is_confirmed: bool | None = None
    """What the person said of it; None while they have said nothing."""
    detail: str = ""
    found: Findings

    @property
    def may_have_moved(self) -> bool:
        """Whether a write may have left in it; while nothing is known of it, one may have."""
        return self.found.get("writes") != 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A person's walk through one point's first trip and restore."""

    id: str
    point: PointId
    actor: str
    context_id: str
    fence: Fence
    """The highest fence when it began: once supply control has decided anew, the session moves nothing any more."""
    is_known_to_supply: bool
    started_us: int
    expires_us: int
    steps: tuple[Step, ...] = ()
    ended_us: int | None = None
    outcome: Ended | None = None
    detail: str = ""

    def last(self, name: str) -> Step | None:
        """The last step of that name."""
        return next((step for step in reversed(self.steps) if step.name == name), None)

    def has_passed(self, name: str) -> bool:
        """Whether the last step of that name was as it should be."""
        step = self.last(name)
        return step is not None and step.has_passed

    @property
    def may_have_opened(self) -> bool:
        """Whether the relay may stand open because of this session."""
        is_open = False
        for step in self.steps:
            if step.name == TRIP and step.may_have_moved:
                is_open = True
            elif step.name == RESTORE and step.has_passed:
                is_open = False
        return is_open

    def begun(self, step: Step) -> Session:
        """The session with a step more."""
        return replace(self, steps=(*self.steps, step))

    def with_last(self, step: Step) -> Session:
        """The session with its last step as it is now."""
        return replace(self, steps=(*self.steps[:-1], step))

    def confirmed(self, name: str, is_confirmed: bool) -> Session:
        """The session with the person's word on the last step of that name."""
        last = self.last(name)
        said = None if last is None else replace(last, is_confirmed=is_confirmed)
        return replace(self, steps=tuple(said if one is last and said else one for one in self.steps))

    @property
    def all_passed_and_confirmed(self) -> bool:
        """Whether each of the three steps was as it should be, and the person saw it so."""
        steps = [self.last(name) for name in (IDENTITY, TRIP, RESTORE)]
        return all(step is not None and step.has_passed and step.is_confirmed for step in steps)

    def described(self) -> dict[str, object]:
        """The session for people and programs."""
        return {
            "session": self.id,
            "point": self.point,
            "actor": self.actor,
            "outcome": None if self.outcome is None else self.outcome.value,
            "detail": self.detail,
            "started_at": from_us(self.started_us),
            "expires_at": from_us(self.expires_us),
            "ended_at": None if self.ended_us is None else from_us(self.ended_us),
            "fence": self.fence,
            "is_known_to_supply": self.is_known_to_supply,
            "may_have_opened": self.may_have_opened,
            "steps": [_step_described(step) for step in self.steps],
        }


def _step_described(step: Step) -> dict[str, object]:
    return {
        "step": step.name,
        "began_at": from_us(step.began_us),
        "ended_at": None if step.ended_us is None else from_us(step.ended_us),
        "has_passed": step.has_passed,
        "is_confirmed": step.is_confirmed,
        "detail": step.detail,
        "evidence": dict(step.found),
    }


def findings_of(observed: ObservedRelay) -> Findings:
    """What a look at a relay showed."""
    evidence = observed.evidence
    if evidence is None:
        return {"position": observed.position.value}
    return {
        "position": observed.position.value,
        "status": evidence.position.value,
        "status_words": list(evidence.status_words),
        "current_ma": evidence.current_ma,
        "voltage_mv": evidence.voltage_mv,
        "serial": evidence.serial,
        "source_us": evidence.source_us,
    }


def findings_of_command(result: CommandResult) -> Findings:
    """What a command came to."""
    return {
        "outcome": result.outcome.value,
        "refusal": None if result.refusal is None else result.refusal.value,
        "writes": result.writes,
        "queued_us": result.queued_us,
        "first_byte_us": result.first_byte_us,
        "finished_us": result.finished_us,
        **({} if result.observed is None else findings_of(result.observed)),
    }


def evidence_of(step: Step) -> Evidence | None:
    """The evidence for supply control, as it was written down."""
    found = step.found
    words, source_us = found.get("status_words"), found.get("source_us")
    if not isinstance(words, list) or not isinstance(source_us, int):
        return None
    return Evidence(
        position=Position(found["status"]),
        status_words=tuple(words),
        current_ma=_whole(found.get("current_ma")),
        voltage_mv=_whole(found.get("voltage_mv")),
        serial=None if found.get("serial") is None else str(found["serial"]),
        source_us=source_us,
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def insert(tx: Tx, session: Session) -> None:
    """Write a new session down."""
    tx.execute(
        "INSERT INTO kpm_modbus__commissioning (id, point, actor, context_id, fence, is_known_to_supply,"
        " started_us, expires_us, steps, ended_us, outcome, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, '')",
        (
            session.id, session.point, session.actor, session.context_id, session.fence,
            int(session.is_known_to_supply), session.started_us, session.expires_us, _steps_json(session.steps),
        ),
    )  # fmt: skip


def update(tx: Tx, session: Session) -> None:
    """Write down how far a session is; one that has ended stays as it ended."""
    tx.execute(
        "UPDATE kpm_modbus__commissioning SET is_known_to_supply = ?, expires_us = ?, steps = ?, ended_us = ?,"
        " outcome = ?, detail = ? WHERE id = ? AND ended_us IS NULL",
        (
            int(session.is_known_to_supply), session.expires_us, _steps_json(session.steps), session.ended_us,
            None if session.outcome is None else session.outcome.value, session.detail, session.id,
        ),
    )  # fmt: skip


def open_of(reader: Reader, point: PointId) -> Session | None:
    """The session that is open on a point."""
    row = reader.one("SELECT * FROM kpm_modbus__commissioning WHERE point = ? AND ended_us IS NULL", (point,))
    return None if row is None else _session(row)


def all_open(reader: Reader) -> list[Session]:
    """The sessions that have not ended."""
    rows = reader.all("SELECT * FROM kpm_modbus__commissioning WHERE ended_us IS NULL ORDER BY started_us")
    return [_session(row) for row in rows]


def recorded(reader: Reader, point: PointId | None, limit: int) -> list[Session]:
    """The last sessions, of a point or of all, the newest first."""
    rows = reader.all(
        "SELECT * FROM kpm_modbus__commissioning WHERE ? IS NULL OR point = ? ORDER BY started_us DESC LIMIT ?",
        (point, point, limit),
    )
    return [_session(row) for row in rows]


def _session(row: Row) -> Session:
    return Session(
        id=row["id"],
        point=PointId(row["point"]),
        actor=row["actor"],
        context_id=row["context_id"],
        fence=Fence(row["fence"]),
        is_known_to_supply=bool(row["is_known_to_supply"]),
        started_us=row["started_us"],
        expires_us=row["expires_us"],
        steps=tuple(Step(**step) for step in json.loads(row["steps"])),
        ended_us=row["ended_us"],
        outcome=None if row["outcome"] is None else Ended(row["outcome"]),
        detail=row["detail"],
    )


def _steps_json(steps: tuple[Step, ...]) -> str:
    return json.dumps([
        {
            "name": step.name, "began_us": step.began_us, "ended_us": step.ended_us, "has_passed": step.has_passed,
            "is_confirmed": step.is_confirmed, "detail": step.detail, "found": dict(step.found),
        }
        for step in steps
    ], ensure_ascii=False)  # fmt: skip
