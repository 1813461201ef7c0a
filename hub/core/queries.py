"""Named questions that change nothing: what the command line and the web ask a running hub."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.core.config.suggest import did_you_mean
from hub.core.errors import NotFound
from hub.core.principals import Principal

Answer = Callable[[Principal, Mapping[str, Any]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Query:
    """One question: who answers it, what it needs, and what it is for."""

    name: str
    owner: str
    description: str
    permission: str
    answer: Answer


class Queries:
    """All questions of a hub, by name."""

    def __init__(self) -> None:
        """Start with none."""
        self._queries: dict[str, Query] = {}

    def register(
        self, name: str, answer: Answer, *, owner: str, description: str, permission: str | None = None
    ) -> Callable[[], None]:
        """Offer an answer under `domain.name`; the result takes it back."""
        if name in self._queries:
            raise ValueError(f"{owner} cannot answer {name!r}: {self._queries[name].owner} answers it already")
        query = Query(name, owner, description, permission or name, answer)
        self._queries[name] = query

        def withdraw() -> None:
            if self._queries.get(name) is query:
                del self._queries[name]

        return withdraw

    async def ask(self, name: str, params: Mapping[str, Any] | None, principal: Principal) -> object:
        """The answer, for this principal; raises `NotFound` with a close name."""
        query = self._queries.get(name)
        if query is None:
            raise NotFound(f"there is no query {name!r}.{did_you_mean(name, self._queries)}")
        principal.require(query.permission)
        return await query.answer(principal, params or {})

    def all(self) -> list[Query]:
        """All questions, by name."""
        return [self._queries[name] for name in sorted(self._queries)]
