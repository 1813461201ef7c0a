"""The tables that the scenes play on, and what every scene does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hub.core.storage import Migration, Reader, Tx

Play = Callable[..., Any]

SCHEMA = (
    Migration(
        1,
        "a table",
        "CREATE TABLE a__t (id INTEGER PRIMARY KEY, v INTEGER, name TEXT UNIQUE,\n"
        "  parent INTEGER REFERENCES a__t (id) DEFERRABLE INITIALLY DEFERRED);\n",
    ),
)
OTHER = (Migration(1, "a table", "CREATE TABLE b__t (id INTEGER PRIMARY KEY, v INTEGER);\n"),)


def insert(v: int, name: str | None = None) -> Callable[[Tx], int]:
    """A write of one row."""
    return lambda tx: tx.execute("INSERT INTO a__t (v, name) VALUES (?, ?)", (v, name))


def values(reader: Reader) -> list[int]:
    """What was written, in order."""
    return [row[0] for row in reader.all("SELECT v FROM a__t ORDER BY id")]


async def outcomes(*works: Awaitable[Any]) -> list[Any]:
    """Each one's result, or the name of what it raised."""
    found = await asyncio.gather(*works, return_exceptions=True)
    return [type(one).__name__ if isinstance(one, BaseException) else one for one in found]
