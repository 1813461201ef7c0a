"""What one start of a plugin has registered anywhere, so that all of it goes when the plugin goes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count

from hub.core.errors import HubError

Undo = Callable[[], object]

log = logging.getLogger(__name__)


class PluginGone(HubError):
    """The plugin was stopped: what is left of that start may not register or begin anything more."""


class Ownership:
    """The registrations of one start of a plugin; undone in reverse order, whatever each undo does."""

    def __init__(self, owner: str) -> None:
        """Start with nothing."""
        self.owner = owner
        self.is_over = False
        self._undos: dict[int, Undo] = {}
        self._next_number = count().__next__

    def __len__(self) -> int:
        """How much is registered now."""
        return len(self._undos)

    def check(self) -> None:
        """Raise `PluginGone` when the plugin was stopped."""
        if self.is_over:
            raise PluginGone(
                f"plugin {self.owner!r} was stopped, so this start of it may not register or begin anything; "
                "let its tasks end when they are cancelled"
            )

    def add(self, undo: Undo) -> Callable[[], None]:
        """Remember how to take something back; the result takes it back before its time, once."""
        if self.is_over:
            self._run(undo)
            self.check()
        number = self._next_number()
        self._undos[number] = undo

        def take_back() -> None:
            kept = self._undos.pop(number, None)
            if kept is not None:
                kept()

        return take_back

    def undo_all(self) -> None:
        """Take everything back, and take nothing more."""
        self.is_over = True
        while self._undos:
            self._run(self._undos.popitem()[1])

    def _run(self, undo: Undo) -> None:
        try:
            undo()
        except Exception:
            log.exception("%s: taking back a registration failed", self.owner)
