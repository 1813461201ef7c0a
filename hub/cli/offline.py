"""What a site's files say while no hub runs there; they are opened for reading only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from hub.core.clock import from_us
from hub.core.config import did_you_mean
from hub.core.control.dispatcher import show_state
from hub.core.errors import HubError, NotFound
from hub.core.identity import Identity
from hub.core.ids import SystemIds
from hub.core.last_states import load as saved_states
from hub.core.registry import repository
from hub.core.states import State
from hub.core.storage import Reader
from hub.core.storage.access import Access
from hub.core.storage.connections import open_reader
from hub.core.storage.errors import fault_of

T = TypeVar("T")


class NoRecords(HubError):
    """No hub has run in the folder yet, or its records are of another version."""


def read_records(folder: Path, fn: Callable[[Reader], T]) -> T:
    """Run a function on a snapshot of a site's `hub.db`."""
    data = folder / "data"
    database = data / "hub.db"
    Identity(data, SystemIds()).check()
    if not database.exists():
        raise NoRecords(f"no hub has run in {folder} yet, so it has no records; start it with `hub run {folder}`")
    with _reader(database) as reader:
        try:
            return fn(reader)
        except sqlite3.Error as error:
            raise fault_of(error, str(database)) or NoRecords(
                f"{database} cannot be read by this version ({error}); start the hub once, that updates it"
            ) from error


@contextmanager
def _reader(database: Path) -> Iterator[Reader]:
    connection = open_reader(database)
    try:
        connection.execute("BEGIN")
        yield Reader(connection, Access(connection), "core")
    finally:
        connection.close()


def list_entities(folder: Path, match: str) -> list[dict[str, Any]]:
    """The last states of the entities that match a pattern, as `entity.list` would answer."""
    states = read_records(folder, saved_states)
    return [show_state(state) for state in states if fnmatchcase(state.entity_id, match)]


def show_entity(folder: Path, entity_id: str) -> dict[str, Any]:
    """One entity's last state and registry entry, as `entity.show` would answer."""

    def find(reader: Reader) -> tuple[dict[str, State], dict[str, Any]]:
        states = {state.entity_id: state for state in saved_states(reader)}
        return states, {entity.entity_id: asdict(entity) for entity in repository.entities(reader)}

    states, entries = read_records(folder, find)
    if entity_id not in states and entity_id not in entries:
        hint = did_you_mean(entity_id, {**states, **entries})
        raise NotFound(f"there is no entity {entity_id!r}.{hint or ' See `hub entity list`.'}")
    state = states.get(entity_id)
    return {"state": None if state is None else show_state(state), "entry": entries.get(entity_id)}


def newest_record(folder: Path) -> datetime | None:
    """When the newest change in a site's records was made; None when there is none."""
    newest_sql = "SELECT at_us FROM core__changes ORDER BY change_seq DESC LIMIT 1"
    newest_us = read_records(folder, lambda reader: reader.value(newest_sql))
    return None if newest_us is None else from_us(int(newest_us))
