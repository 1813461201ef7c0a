"""How a verb reaches a site: it asks the hub that runs there, or looks into the files when none does."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from hub.cli.logs import set_up_logging
from hub.cli.prepared import prepare_hub
from hub.core.actions import OnUnknown
from hub.core.control import Client, NoHub, RemoteError, os_user
from hub.core.errors import HubError
from hub.core.lock import FolderLock

T = TypeVar("T")


def socket_of(folder: Path) -> Path:
    """The control socket of a site, whatever its configuration says."""
    return folder / "data" / "hub.sock"


def ask(folder: Path, query: str, params: Mapping[str, Any] | None = None) -> Any:
    """The answer of the hub that runs in a folder; raises `NoHub` when none does."""
    return talk(folder, lambda client: client.query(query, params))


def talk(folder: Path, conversation: Callable[[Client], Awaitable[T]]) -> T:
    """Hold a conversation with the hub that runs in a folder; raises `NoHub` when none does."""

    async def hold() -> T:
        async with Client(socket_of(folder)) as client:
            return await conversation(client)

    return asyncio.run(hold())


def ask_or_read(folder: Path, query: str, params: Mapping[str, Any], read: Callable[[], T]) -> T:
    """The answer of the running hub, or what `read` finds in the files when none runs; that is said on stderr."""
    try:
        answer: T = ask(folder, query, params)
    except NoHub:
        answer = read()
        lock = FolderLock(folder / "data")
        if lock.is_held_elsewhere():
            click.echo(f"({lock.holder()} does not answer yet; this is what the files say)", err=True)
        else:
            click.echo("(no hub runs here; this is what it left in its files)", err=True)
    return answer


def call(
    folder: Path, action: str, data: Mapping[str, Any], key: str | None = None, on_unknown: OnUnknown = "raise"
) -> Any:
    """Call an action of the running hub; with none running, start one in this process for as long as it takes."""
    try:
        return talk(folder, lambda client: client.call(action, data, key, on_unknown))
    except NoHub:
        if FolderLock(folder / "data").is_held_elsewhere():
            raise
    set_up_logging(logging.ERROR)  # that plugins start and stop is no news here
    return asyncio.run(_call_in_process(folder, action, data, key, on_unknown))


async def _call_in_process(
    folder: Path, action: str, data: Mapping[str, Any], key: str | None, on_unknown: OnUnknown
) -> Any:
    hub, starts = prepare_hub(folder)
    try:
        await hub.start()
    except asyncio.CancelledError:  # by a person's Ctrl-C
        starts.does_not_count()
        raise
    except HubError as error:
        starts.ended_by(error)
        raise
    starts.came_to_run()
    try:
        return await hub.kernel.actions.call(
            action, data, principal=os_user(os.getuid()), key=key, on_unknown=on_unknown
        )
    except HubError as error:
        raise RemoteError(type(error).__name__, str(error)) from error
    finally:
        await hub.stop()
