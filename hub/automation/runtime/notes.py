"""What triggers had to say when they did not fire: the last few words on each rule."""

from __future__ import annotations

from collections import deque

from hub.automation.runtime.contract import Note
from hub.core.clock import Clock

NOTES_MAX = 20


class NoteBook:
    """Keeps notes of triggers in memory; implements `Notes`."""

    def __init__(self, clock: Clock) -> None:
        """Start empty."""
        self._clock = clock
        self._notes: dict[str, deque[tuple[int, Note]]] = {}

    def note(self, note: Note) -> None:
        """Keep a note; the same again takes the place of the older one."""
        notes = self._notes.setdefault(note.rule_id, deque(maxlen=NOTES_MAX))
        for kept in notes:
            if kept[1] == note:
                notes.remove(kept)
                break
        notes.append((self._clock.now_us(), note))

    def of(self, rule_id: str) -> list[tuple[int, Note]]:
        """The notes on a rule with their times, the newest first."""
        return list(reversed(self._notes.get(rule_id, ())))

    def drop(self, rule_id: str) -> None:
        """Forget a rule."""
        self._notes.pop(rule_id, None)
