"""Steps that hold other steps: choose, if, sequence, repeat."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from hub.automation.language.model import Choose, If, Repeat, Step
from hub.automation.language.model import Sequence as SequenceStep
from hub.automation.runtime.runs.outcomes import RunAborts
from hub.automation.runtime.runs.scopes import Scope
from hub.automation.runtime.runs.walk import Stand, Walk
from hub.automation.runtime.truth import TRUE, UNKNOWN
from hub.automation.templates import Template, TemplateError

log = logging.getLogger(__name__)

ROUNDS_WARNED = 5_000
ROUNDS_MAX = 10_000
"""Rounds of a loop that ends by a condition; one that counts runs as often as it says."""

ROUNDS_BETWEEN_BREATHS = 100


async def choose(walk: Walk, step: Choose, stand: Stand) -> None:
    """Run the first option whose conditions all pass, else the default."""
    way = stand.place.get("way")
    if way is None:
        way = stand.place["way"] = _chosen(walk, step, stand)
    stand.entry.result["choice"] = way
    steps = step.default if way == "default" else step.options[int(way)].sequence
    await walk.sequence(steps, stand.inside(), stand.scope, stand.rounds)


def _chosen(walk: Walk, step: Choose, stand: Stand) -> str:
    for index, option in enumerate(step.options):
        if walk.passes(option.conditions, stand, f"{option.path}/conditions").passes:
            return str(index)
    return "default"


async def if_then(walk: Walk, step: If, stand: Stand) -> None:
    """Run the one or the other."""
    way = stand.place.get("way")
    if way is None:
        passes = walk.passes(step.conditions, stand, f"{step.path}/if").passes
        way = stand.place["way"] = "then" if passes else "else"
    stand.entry.result["choice"] = way
    await walk.sequence(step.then if way == "then" else step.else_, stand.inside(), stand.scope, stand.rounds)


async def sequence(walk: Walk, step: SequenceStep, stand: Stand) -> None:
    """Run the steps as one."""
    await walk.sequence(step.sequence, stand.inside(), stand.scope, stand.rounds)


async def repeat(walk: Walk, step: Repeat, stand: Stand) -> None:
    """Run the sequence again and again."""
    loop = _Loop(walk, step, stand)
    if step.count is not None:
        await loop.counted(_count(walk, step.count, stand), None)
    elif step.for_each is not None:
        items = _items(walk, step.for_each, stand)
        await loop.counted(len(items), items)
    elif step.while_ is not None:
        await loop.while_it_holds()
    else:
        await loop.until_it_holds()


def _count(walk: Walk, count: int | Template, stand: Stand) -> int:
    kept = stand.place.get("count")
    if kept is None:
        try:
            found = walk.render(count, stand.scope)
            kept = stand.place["count"] = int(found)
        except (TemplateError, ValueError, TypeError, OverflowError) as error:
            raise RunAborts(f"repeat: the count is no whole number: {error}") from error
    return kept


def _items(walk: Walk, for_each: object, stand: Stand) -> list[object]:
    kept = stand.place.get("items")
    if kept is None:
        try:
            found = walk.render(for_each, stand.scope)
        except (TemplateError, ValueError) as error:
            raise RunAborts(f"repeat: for_each: {error}") from error
        if not isinstance(found, list):
            raise RunAborts(f"repeat: for_each must give a list, got {str(found)[:100]!r}")
        kept = stand.place["items"] = found
    return kept


class _Loop:
    """One `repeat` under way."""

    def __init__(self, walk: Walk, step: Repeat, stand: Stand) -> None:
        self._walk = walk
        self._step = step
        self._stand = stand
        self._scope = Scope({}, stand.scope)
        self._is_within = "round" in stand.place
        """The run has resumed inside a round, so what decided on that round is not looked at again."""
        walk.run.is_fresh = walk.run.is_fresh and self._is_settled()

    def _is_settled(self) -> bool:
        return self._step.while_ is None and self._walk.run.program.is_settled(self._step)

    async def counted(self, count: int, items: Sequence[object] | None) -> None:
        for number in range(self._stand.place.get("round", 1), count + 1):
            item = None if items is None else items[number - 1]
            await self._round(number, count, item)
            if number % ROUNDS_BETWEEN_BREATHS == 0:
                await self._walk.breathe()

    async def while_it_holds(self) -> None:
        assert self._step.while_ is not None
        number = self._stand.place.get("round", 1)
        while True:
            self._show(number)
            if not self._is_within:
                judgement = self._walk.tools.judge.all_of(
                    self._step.while_, self._scope.visible(), f"{self._step.path}/repeat/while"
                )
                if not judgement.passes:
                    self._stand.entry.result.update(rounds=number - 1, ended_by=judgement.told)
                    return
                self._check(number - 1, "while")
                if number > 1:
                    await self._walk.breathe()
            await self._round(number)
            number += 1

    async def until_it_holds(self) -> None:
        assert self._step.until is not None
        number = self._stand.place.get("round", 1)
        while True:
            await self._round(number)
            judgement = self._walk.tools.judge.all_of(
                self._step.until, self._scope.visible(), f"{self._step.path}/repeat/until"
            )
            self._walk.run.is_fresh = False
            is_error = judgement.truth is UNKNOWN and self._walk.tools.is_as_in_home_assistant
            if judgement.truth is TRUE or is_error:
                self._stand.entry.result.update(rounds=number, ended_by=judgement.told)
                return
            self._check(number, "until")
            await self._walk.breathe()
            number += 1

    def _check(self, rounds: int, word: str) -> None:
        """Warn about a loop that runs away, and end it."""
        definition = self._walk.run.program.definition
        if rounds == ROUNDS_WARNED:
            log.warning(
                "%s %s: `%s` at %s has gone round %d times; at %d it is ended",
                self._walk.run.program.kind, definition.id, word, self._step.path, rounds, ROUNDS_MAX,
            )  # fmt: skip
        if rounds >= ROUNDS_MAX:
            raise RunAborts(f"`{word}` went round {rounds} times; a loop must come to its end")

    def _show(self, number: int, count: int | None = None, item: object = None) -> None:
        """Let the steps see `repeat`."""
        shown: dict[str, object] = {"first": number == 1, "index": number}
        if count:
            shown["last"] = number == count
        if item is not None:
            shown["item"] = item
        self._scope.own["repeat"] = shown

    async def _round(self, number: int, count: int | None = None, item: object = None) -> None:
        place = self._stand.place
        if not self._is_within:
            place["round"] = number
            place["inside"] = {}
        self._is_within = False
        self._show(number, count, item)
        steps: Sequence[Step] = self._step.sequence
        rounds = f"{self._stand.rounds}.{number}" if self._stand.rounds else f"#{number}"
        await self._walk.sequence(steps, place["inside"], self._scope, rounds)
