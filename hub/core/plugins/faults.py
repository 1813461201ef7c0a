"""What is wrong with a plugin, in words: whose fault it is, what was raised, and at which line of whose code."""

from __future__ import annotations

import asyncio
import sysconfig
import traceback
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import TypeVar

import pluggy

from hub.core.config import ConfigErrors
from hub.core.errors import HubError
from hub.core.storage import ConstraintViolated, StorageError, StorageRefused

T = TypeVar("T")

LEAVES_SHOWN_MAX = 3

_CORE = f"{Path(__file__).parents[1]}/"
_STDLIB = f"{sysconfig.get_path('stdlib')}/"
_PLUGGY = f"{Path(pluggy.__file__).parent}/"


class TimeLimitPassed(Exception):
    """A plugin did not finish in its time."""


class PluginBroke(Exception):
    """A plugin did what would have ended the task that governs it, such as `sys.exit()`."""


class NotAPlugin(HubError):
    """A module or class is not what the host can take for a plugin."""


async def contained(work: Awaitable[T], what: str) -> T:
    """Await a plugin's work: whatever it raises comes out as an `Exception`, but a cancellation from outside."""
    try:
        return await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise PluginBroke(f"{what} awaited something that was cancelled") from None
    except (Exception, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        shown = f"sys.exit({error.code!r})" if isinstance(error, SystemExit) else repr(error)
        raise PluginBroke(f"{what} ended with {shown}, which a plugin must not raise") from error


def is_of_the_store(error: BaseException) -> bool:
    """Whether the disk or the database failed, and not the plugin that met it."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_of_the_store(one) for one in error.exceptions)
    return isinstance(error, StorageError) and not isinstance(error, (StorageRefused, ConstraintViolated))


def in_words(error: BaseException) -> str:
    """An error as people read it: type, text and place; of a group, the errors that are in it."""
    if isinstance(error, (TimeLimitPassed, PluginBroke, ConfigErrors)):
        return str(error)
    if isinstance(error, BaseExceptionGroup):
        leaves = list(_leaves(error))
        shown = "; ".join(in_words(leaf) for leaf in leaves[:LEAVES_SHOWN_MAX])
        more = len(leaves) - LEAVES_SHOWN_MAX
        return f"{shown}; and {more} more" if more > 0 else shown
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    text = "; ".join(line.strip() for line in text.splitlines() if line.strip())
    named = text if isinstance(error, NotAPlugin) else f"{type(error).__name__}: {text}".rstrip(": ")
    place = _place(error)
    return f"{named} ({place})" if place else named


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _place(error: BaseException) -> str:
    """`file:line` of the innermost code that may be at fault; "" when there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not _only_passes_on(frame.filename):
            return f"{frame.filename}:{frame.lineno}"
    return ""


def _only_passes_on(file: str) -> bool:
    """Whether errors surface in a file but hardly arise there: of the core, Python, pluggy, or none."""
    if file.startswith((_CORE, _PLUGGY, "<")):
        return True
    return file.startswith(_STDLIB) and "site-packages" not in file and "dist-packages" not in file
