"""How the verbs reach the hub that runs in a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub.core.control import Client
from hub.core.ids import SystemIds


def ask(folder: Path, query: str, params: Mapping[str, object]) -> Any:
    """The answer of the running hub; raises `NoHub` when none runs."""

    async def conversation() -> Any:
        async with _client(folder) as client:
            return await client.query(query, params)

    return asyncio.run(conversation())


def call(folder: Path, action: str, data: Mapping[str, object]) -> Any:
    """Have the running hub do something, to its end even if this process goes away; raises `NoHub`."""

    async def conversation() -> Any:
        async with _client(folder) as client:
            return await client.call(action, data, key=SystemIds().new())

    return asyncio.run(conversation())


def _client(folder: Path) -> Client:
    return Client(folder.absolute() / "data" / "hub.sock")
