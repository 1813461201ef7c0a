"""A database to play on: inline in virtual time, and with its real threads; both must behave alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from storage_stage import OTHER, SCHEMA

from hub.core import faultpoints
from hub.core.clock import SystemClock
from hub.core.storage import Database
from hub.sim import VirtualClock, run_virtual

Scene = Callable[[Database], Awaitable[Any]]
Play = Callable[..., Any]


async def perform(db: Database, scene: Scene) -> Any:
    """Open, play, close."""
    await db.open()
    try:
        await db.migrate("a", SCHEMA)
        await db.migrate("b", OTHER)
        return await scene(db)
    finally:
        await db.close()


@pytest.fixture(params=["inline", "threads"])
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """Run a scene on an open database that has the tables `a__t` and `b__t`."""

    def run(scene: Scene, *, runs_twice: bool = False) -> Any:
        file = tmp_path / "hub.db"
        if request.param == "inline":
            return run_virtual(
                lambda loop: perform(Database(file, VirtualClock(loop), runs_twice=runs_twice), scene)
            )

        async def main() -> Any:
            return await perform(Database(file, SystemClock(), runs_twice=runs_twice), scene)

        return asyncio.run(main())

    return run


@pytest.fixture
def points() -> Iterator[list[str]]:
    """The fault points passed, in order."""
    passed: list[str] = []
    faultpoints.install(passed.append)
    yield passed
    faultpoints.install(None)
