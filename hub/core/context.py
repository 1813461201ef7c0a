"""Who or what caused this: a context runs through every event, state, action, command and record."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """One cause: an id, the actor behind it, and the context it arose from.

    Actors are written `system`, `plugin:<name>`, `rule:<id>`, `os:<user>` and `user:<id>`.
    """

    id: str
    actor: str
    parent_id: str | None = None

    def child(self, id: str, actor: str | None = None) -> Context:  # noqa: A002 - the field's own word
        """A context caused by this one, by the same actor unless another is named."""
        return Context(id, actor or self.actor, self.id)


SYSTEM = Context("system", "system")

_current: ContextVar[Context] = ContextVar("hub_context", default=SYSTEM)

current = _current.get
"""The context of the code that runs now; tasks inherit it from whoever started them."""


class use:  # noqa: N801 - reads as a verb: `with use(context):`
    """Run the body of a `with` under a context: whatever it sets, calls or writes was caused by it.

    A class and not a generator, because every delivered event enters one.
    """

    __slots__ = ("_context", "_token")

    def __init__(self, context: Context) -> None:
        """Name the context."""
        self._context = context

    def __enter__(self) -> Context:
        """Make it the current one."""
        self._token = _current.set(self._context)
        return self._context

    def __exit__(self, *_: object) -> None:
        """Make the one before it current again."""
        _current.reset(self._token)
