"""What a plugin has brought about: its rows and its states, for comparing two runs of the same plugin."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from decimal import Decimal, InvalidOperation

from hub.testing.harness import HubHarness

TIMES = ("_us", "_s", "_at")
"""Columns that hold times: retries are jittered, so two runs may differ in them."""


def effects_of(hub: HubHarness, plugin: str) -> dict[str, object]:
    """The plugin's rows, as counted tuples of what is no id and no time, by table; and its entities' states."""
    effects: dict[str, object] = {}
    for file in ("hub.db", "history.db"):
        path = hub.hub.site.data / file
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            for (table,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, ?) = ?",
                (len(plugin) + 2, f"{plugin}__"),
            ).fetchall():
                rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608 - a name from the schema
                effects[f"table {table}"] = Counter(_shown(row) for row in rows)
    for state in hub.kernel.states:
        entity = hub.kernel.registry.get(state.entity_id)
        if entity is not None and entity.owner == plugin:
            effects[f"state {state.entity_id}"] = (state.value, state.quality)
    return effects


def _shown(row: sqlite3.Row) -> tuple[object, ...]:
    return tuple(_plain(row[name]) for name in row.keys() if not name.endswith(TIMES))  # noqa: SIM118 - a Row has values


def _plain(value: object) -> object:
    """A value without what ids look like: only numbers, also those in text, must be the same."""
    if not isinstance(value, str):
        return value
    try:
        return Decimal(value)
    except InvalidOperation:
        return "text"
