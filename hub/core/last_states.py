"""All states on disk and back: after a restart each value is there again with its number and times, as stale."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from hub.core import context as contexts
from hub.core.codec import decode, encode
from hub.core.registry import Registry
from hub.core.states import (
    BAD,
    ENTITY_ID,
    NO_ATTRIBUTES,
    STALE,
    VALUE_TYPES,
    Quality,
    State,
    StateMachine,
    frozen,
)
from hub.core.storage import Database, Reader, Row, Tx

log = logging.getLogger(__name__)

CHUNK = 500
"""States in one write function, so that whatever else is to be written waits for a few milliseconds at most."""

ORIGIN = "core.last_states"
_NO_ATTRIBUTES_TEXT = "{}"


class LastStates:
    """Saves all states and puts them back."""

    def __init__(self, db: Database, states: StateMachine, registry: Registry) -> None:
        """Serve one hub; entities that the registry has disabled get no state back."""
        self._db = db
        self._states = states
        self._registry = registry

    async def save(self) -> int:
        """Write all states as they are now, drop those of entities that have none now; how many were written."""
        current = list(self._states)
        names = {state.entity_id for state in current}
        await self._db.write(lambda tx: _drop_others(tx, names), origin=ORIGIN)
        for start in range(0, len(current), CHUNK):
            await self._db.write(partial(_save, current[start : start + CHUNK]), origin=ORIGIN)
        return len(current)

    async def restore(self) -> int:
        """Put the saved states back, BAD as BAD and all others as STALE; how many were put back.

        Entities that have a state already keep it.
        """
        count = 0
        for state in await self._db.read(load):
            if self._states.get(state.entity_id) is None and not self._registry.is_disabled(state.entity_id):
                self._states.restore(state)
                count += 1
        return count


def _drop_others(tx: Tx, names: set[str]) -> None:
    saved = {row[0] for row in tx.all("SELECT entity_id FROM core__last_states")}
    tx.many("DELETE FROM core__last_states WHERE entity_id = ?", [(name,) for name in sorted(saved - names)])


def _save(chunk: Sequence[State], tx: Tx) -> None:
    tx.many(
        "INSERT INTO core__last_states "
        "(entity_id, value, unit, quality, source_us, changed_us, updated_us, reported_us, attributes) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (entity_id) DO UPDATE SET "
        "value = excluded.value, unit = excluded.unit, quality = excluded.quality, source_us = excluded.source_us, "
        "changed_us = excluded.changed_us, updated_us = excluded.updated_us, reported_us = excluded.reported_us, "
        "attributes = excluded.attributes",
        [
            (
                state.entity_id, encode(state.value), state.unit, state.quality.value, state.source_us,
                state.changed_us, state.updated_us, state.reported_us, _attributes_text(state),
            )
            for state in chunk
        ],
    )  # fmt: skip


def _attributes_text(state: State) -> str:
    if not state.attributes:
        return _NO_ATTRIBUTES_TEXT
    try:
        return encode(state.attributes)
    except (TypeError, ValueError) as error:
        log.warning("%s: its attributes are not saved for the next start: %s", state.entity_id, error)
        return _NO_ATTRIBUTES_TEXT


def load(reader: Reader) -> list[State]:
    rows = reader.all(
        "SELECT entity_id, value, unit, quality, source_us, changed_us, updated_us, reported_us, attributes "
        "FROM core__last_states "
        # A crash between a rename and the snapshot that was under way leaves the old name's state behind.
        "WHERE entity_id NOT IN (SELECT entity_id FROM core__entity_names) "
        "OR entity_id IN (SELECT entity_id FROM core__entities WHERE deleted_us IS NULL) ORDER BY entity_id"
    )
    return [state for state in map(_state, rows) if state is not None]


def _state(row: Row) -> State | None:
    try:
        value, attributes = decode(row["value"]), decode(row["attributes"])
        if type(value) not in VALUE_TYPES or not isinstance(attributes, dict):
            raise TypeError("a value or attributes of another type")
        if not ENTITY_ID.fullmatch(row["entity_id"]):
            raise ValueError("the name is no entity id")
        return State(
            row["entity_id"], value, row["unit"], BAD if Quality(row["quality"]) is BAD else STALE,
            row["source_us"], row["changed_us"], row["updated_us"], row["reported_us"],
            frozen(attributes) if attributes else NO_ATTRIBUTES, contexts.SYSTEM,
        )  # fmt: skip
    except (ArithmeticError, TypeError, ValueError) as error:
        log.warning("%s: its saved state cannot be read and is left out: %s", row["entity_id"], error)
        return None
