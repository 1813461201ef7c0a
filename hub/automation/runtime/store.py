"""The tables of triggers: which thresholds are latched, which `for`s run, and which times come next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from hub.core.storage import Reader, Tx

TRIGGER_TABLES = """
CREATE TABLE automation__thresholds (
  rule TEXT NOT NULL, trigger TEXT NOT NULL, fingerprint TEXT NOT NULL, PRIMARY KEY (rule, trigger)) STRICT;
CREATE TABLE automation__latched (
  rule TEXT NOT NULL, trigger TEXT NOT NULL, entity TEXT NOT NULL, is_adopting INTEGER NOT NULL,
  PRIMARY KEY (rule, trigger, entity)) STRICT, WITHOUT ROWID;
CREATE TABLE automation__fors (
  rule TEXT NOT NULL, trigger TEXT NOT NULL, entity TEXT NOT NULL, plan TEXT NOT NULL, due_us INTEGER NOT NULL,
  record TEXT NOT NULL, PRIMARY KEY (rule, trigger, entity)) STRICT, WITHOUT ROWID;
CREATE TABLE automation__times (
  rule TEXT NOT NULL, trigger TEXT NOT NULL, entry TEXT NOT NULL, plan TEXT NOT NULL, due_us INTEGER NOT NULL,
  PRIMARY KEY (rule, trigger, entry)) STRICT, WITHOUT ROWID;
"""
"""A threshold has a row once its present values are adopted; an entity without a row under it is not latched."""

Place: TypeAlias = tuple[str, ...]
"""A primary key: rule, trigger, and for most the entity's unique id."""


class Table(NamedTuple):
    """How rows of one table are put and dropped."""

    name: str
    put: str
    drop: str


def _table(name: str, keys: tuple[str, ...], fields: tuple[str, ...]) -> Table:
    columns = (*keys, *fields)
    updates = ", ".join(f"{one} = excluded.{one}" for one in fields)
    return Table(
        name,
        f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {updates}",
        f"DELETE FROM {name} WHERE {' AND '.join(f'{one} = ?' for one in keys)}",  # noqa: S608 - names of ours
    )


_ENTITY = ("rule", "trigger", "entity")
THRESHOLDS = _table("automation__thresholds", ("rule", "trigger"), ("fingerprint",))
LATCHED = _table("automation__latched", _ENTITY, ("is_adopting",))
FORS = _table("automation__fors", _ENTITY, ("plan", "due_us", "record"))
TIMES = _table("automation__times", ("rule", "trigger", "entry"), ("plan", "due_us"))


class Move(NamedTuple):
    """A row that is put, or dropped when it has no values."""

    table: Table
    place: Place
    values: tuple[str | int, ...] | None


def apply(tx: Tx, moves: Iterable[Move]) -> None:
    """Put and drop rows; of several moves of one row the last counts."""
    last: dict[tuple[Table, Place], Move] = {move[:2]: move for move in moves}
    puts: dict[Table, list[tuple[str | int, ...]]] = {}
    drops: dict[Table, list[Place]] = {}
    for table, place, values in last.values():
        if values is None:
            drops.setdefault(table, []).append(place)
        else:
            puts.setdefault(table, []).append((*place, *values))
    for table, rows in puts.items():
        tx.many(table.put, rows)
    for table, places in drops.items():
        tx.many(table.drop, places)


class Saved(NamedTuple):
    """Everything that earlier starts left."""

    thresholds: dict[tuple[str, str], str]
    latched: dict[tuple[str, str], dict[str, bool]]
    """Whether it is still adopting, by rule and trigger, then entity."""
    fors: dict[tuple[str, str], dict[str, tuple[str, int, str]]]
    times: dict[tuple[str, str], dict[str, tuple[str, int]]]


def read_saved(reader: Reader) -> Saved:
    """All rows."""
    saved = Saved({}, {}, {}, {})
    for rule, trigger, fingerprint in reader.all("SELECT rule, trigger, fingerprint FROM automation__thresholds"):
        saved.thresholds[rule, trigger] = fingerprint
    for rule, trigger, entity, is_adopting in reader.all(
        "SELECT rule, trigger, entity, is_adopting FROM automation__latched"
    ):
        saved.latched.setdefault((rule, trigger), {})[entity] = bool(is_adopting)
    for rule, trigger, entity, plan, due_us, record in reader.all(
        "SELECT rule, trigger, entity, plan, due_us, record FROM automation__fors ORDER BY due_us"
    ):
        saved.fors.setdefault((rule, trigger), {})[entity] = (plan, due_us, record)
    for rule, trigger, entry, plan, due_us in reader.all(
        "SELECT rule, trigger, entry, plan, due_us FROM automation__times"
    ):
        saved.times.setdefault((rule, trigger), {})[entry] = (plan, due_us)
    return saved
