"""Named points between two durable or external effects, where tests inject crashes; no-ops in production.

Crash suites find the points by reading the sources for `point("...")`, so a name is always a literal.
"""

from __future__ import annotations

from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def point(name: str) -> None:
    """Mark a place where a crash must leave the records whole."""
    if _hook is not None:
        _hook(name)


def install(hook: Callable[[str], None] | None) -> None:
    """Call a hook at every point from now on (None: stop); for test harnesses only."""
    global _hook
    _hook = hook
