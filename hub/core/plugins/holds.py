"""Holds as one plugin places them: under its own name, and standing until the plugin itself takes them back."""

from __future__ import annotations

from collections.abc import Mapping

from hub.core.holds import Holds


class PluginHolds:
    """The site's holds for one plugin; its reasons are `<plugin>:<reason>`.

    A hold outlives a crash of the plugin that placed it: nobody knows then whether its reason is gone. It goes when
    the plugin runs again without placing it, or is unloaded.
    """

    def __init__(self, holds: Holds, owner: str) -> None:
        """Bind the holds to an owner."""
        self._holds = holds
        self._prefix = f"{owner}:"
        self._placed: set[str] = set()

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why the site is on hold, by reason, whoever placed it; empty when it is not."""
        return self._holds.reasons

    @property
    def is_held(self) -> bool:
        """Whether the site is on hold."""
        return self._holds.is_held

    def ask(self) -> bool:
        """Whether the site is on hold, after one more look at the clock; ask on the loop, right before acting."""
        return self._holds.ask()

    def place(self, reason: str, detail: str) -> None:
        """Put the site on hold for a reason of the plugin's own; placing it again renews its detail."""
        self._placed.add(self._prefix + reason)
        self._holds.place(self._prefix + reason, detail)

    def lift(self, reason: str) -> None:
        """Take one of the plugin's own reasons away."""
        self._placed.discard(self._prefix + reason)
        self._holds.lift(self._prefix + reason)

    def lift_left(self) -> None:
        """Lift what earlier starts of the plugin left standing and this one has not placed again."""
        for reason in [one for one in self._holds.reasons if one.startswith(self._prefix)]:
            if reason not in self._placed:
                self._holds.lift(reason)
