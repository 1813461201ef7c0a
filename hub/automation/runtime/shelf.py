"""What one trigger keeps over restarts: read from memory at once, written with the firing that it belongs to."""

from __future__ import annotations

from hub.automation.runtime.store import FORS, LATCHED, THRESHOLDS, TIMES, Move, Saved


class Shelf:
    """The rows of one trigger of one rule; without `is_durable` it forgets, as for waits and for Home Assistant."""

    __slots__ = ("_moves", "_place", "fingerprint", "fors", "is_durable", "latched", "times")

    def __init__(self, rule_id: str, trigger_key: str, *, is_durable: bool = False) -> None:
        """Start empty."""
        self._place = rule_id, trigger_key
        self._moves: list[Move] = []
        self.is_durable = is_durable
        self.fingerprint: str | None = None
        """What was compared when present values were last adopted."""
        self.latched: dict[str, bool] = {}
        """Entities beyond by unique id; True for those whose next good value only says on which side they are."""
        self.fors: dict[str, tuple[str, int, str]] = {}
        """Running `for`s: plan, due, record."""
        self.times: dict[str, tuple[str, int]] = {}
        """What time comes next, for each entry of a time trigger: plan, due."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept."""
        return self.fingerprint is None and not (self.latched or self.fors or self.times)

    def take(self) -> list[Move]:
        """What has changed since the last time, to be written."""
        moves, self._moves = self._moves, []
        return moves

    def _move(self, move: Move) -> None:
        if self.is_durable:
            self._moves.append(move)

    def adopt(self, fingerprint: str | None) -> None:
        """Note that the present values are adopted for what is compared now."""
        self.fingerprint = fingerprint
        self._move(Move(THRESHOLDS, self._place, None if fingerprint is None else (fingerprint,)))

    def latch(self, entity_uid: str, *, is_adopting: bool = False) -> None:
        """Set an entity's latch."""
        self.latched[entity_uid] = is_adopting
        self._move(Move(LATCHED, (*self._place, entity_uid), (int(is_adopting),)))

    def unlatch(self, entity_uid: str) -> None:
        """Take an entity's latch off."""
        if self.latched.pop(entity_uid, None) is not None:
            self._move(Move(LATCHED, (*self._place, entity_uid), None))

    def keep_for(self, entity_uid: str, plan: str, due_us: int, record: str) -> None:
        """Keep a running `for`."""
        if self.is_durable:
            self.fors[entity_uid] = plan, due_us, record
            self._move(Move(FORS, (*self._place, entity_uid), (plan, due_us, record)))

    def drop_for(self, entity_uid: str) -> None:
        """A `for` has ended, one way or the other."""
        if self.fors.pop(entity_uid, None) is not None:
            self._move(Move(FORS, (*self._place, entity_uid), None))

    def keep_time(self, entry: str, plan: str, due_us: int) -> None:
        """Keep what time comes next."""
        if self.is_durable:
            self.times[entry] = plan, due_us
            self._move(Move(TIMES, (*self._place, entry), (plan, due_us)))

    def drop_time(self, entry: str) -> None:
        """No time comes next."""
        if self.times.pop(entry, None) is not None:
            self._move(Move(TIMES, (*self._place, entry), None))

    def clear(self) -> None:
        """Drop everything."""
        for entity_uid in list(self.latched):
            self.unlatch(entity_uid)
        for entity_uid in list(self.fors):
            self.drop_for(entity_uid)
        for entry in list(self.times):
            self.drop_time(entry)
        if self.fingerprint is not None:
            self.adopt(None)


class Shelves:
    """All shelves of an engine, by rule and trigger key."""

    def __init__(self, *, is_durable: bool) -> None:
        """Start empty; `is_durable` keeps them on disk."""
        self._is_durable = is_durable
        self._shelves: dict[str, dict[str, Shelf]] = {}

    def fill(self, saved: Saved) -> None:
        """Take up what earlier starts left."""
        for (rule_id, key), fingerprint in saved.thresholds.items():
            self.of(rule_id, key).fingerprint = fingerprint
        for (rule_id, key), latched in saved.latched.items():
            self.of(rule_id, key).latched.update(latched)
        for (rule_id, key), fors in saved.fors.items():
            self.of(rule_id, key).fors.update(fors)
        for (rule_id, key), times in saved.times.items():
            self.of(rule_id, key).times.update(times)

    def of(self, rule_id: str, key: str) -> Shelf:
        """The shelf of a trigger."""
        shelves = self._shelves.setdefault(rule_id, {})
        shelf = shelves.get(key)
        if shelf is None:
            shelf = shelves[key] = Shelf(rule_id, key, is_durable=self._is_durable)
        return shelf

    def keep_only(self, rule_id: str, keys: set[str]) -> list[Move]:
        """Drop what a rule's former triggers left; the moves to be written."""
        moves: list[Move] = []
        for key in [key for key in self._shelves.get(rule_id, {}) if key not in keys]:
            shelf = self._shelves[rule_id].pop(key)
            shelf.clear()
            moves += shelf.take()
        if not self._shelves.get(rule_id):
            self._shelves.pop(rule_id, None)
        return moves
