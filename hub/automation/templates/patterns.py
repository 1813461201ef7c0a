"""Regular expressions that end: each is counted before it runs, and one that could go on and on is refused.

Python's engine tries every way to match before it gives up, and cannot be stopped. So the ways are counted on the
parsed pattern: a repeat multiplies them by the length of the text, a repeat inside a repeat takes them to a power.
The count is an upper bound; a pattern whose count is small enough for the text at hand is run and paid for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import comb
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from hub.automation.templates.budget import PRESENT, text_units
from hub.automation.templates.errors import TemplateError, TemplateTooCostly
from hub.automation.templates.operators import joined

PATTERN_MAX = 500
_TRIES_MAX = 8_000_000  # about 5 ns each
_ENDLESS = 10**18
_COMPILE_UNITS = 400
_OPEN_FROM = 20
"""A repeat with more choices than this counts as one without an end."""
_BEGINNINGS = ((codes.AT, codes.AT_BEGINNING), (codes.AT, codes.AT_BEGINNING_STRING))
_LETTERS = (codes.ANY, codes.IN, codes.LITERAL, codes.NOT_LITERAL)  # the cheapest: a comparison each
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)


class _Ways(NamedTuple):
    """How a part of a pattern can match: the ways, times those of its open repeats, and the steps of each."""

    ways: int
    steps: int
    open_repeats: int = 0
    """Repeats that share the length of the text among them."""


class Bounded(NamedTuple):
    """A compiled pattern and what it may cost on a text of some length."""

    pattern: re.Pattern[str]
    parsed: Sequence[Any]

    def tries(self, length: int, *, starts_anywhere: bool) -> int:
        """At most so many steps, whatever the text."""
        items = list(self.parsed)
        is_anchored = bool(items) and items[0] in _BEGINNINGS and not self.pattern.flags & re.MULTILINE
        starts = int(starts_anywhere and not is_anchored)
        that_can_fail, ends = _without_open_end(items, length)
        total = length
        for part, rounds in ((that_can_fail, 1), *ends):
            found = _sequence(part, length)
            shared = found.open_repeats + starts
            total += found.ways * found.steps * rounds * comb(length + shared, shared)
        return min(_ENDLESS, total)

    @property
    def starts_with_anything(self) -> bool:
        """Whether it begins with `.*`: then it matches from the start of a line, or nowhere in it."""
        items = list(self.parsed)
        if not items or items[0][0] is not codes.MAX_REPEAT:
            return False
        least, most, body = items[0][1]
        return least == 0 and most is codes.MAXREPEAT and list(body) == [(codes.ANY, None)]


@lru_cache(maxsize=256)
def compiled(find: str, ignorecase: bool) -> Bounded:
    """A pattern, read once; raises `TemplateError` for one that is wrong."""
    if len(find) > PATTERN_MAX:
        raise TemplateTooCostly(f"a pattern of {len(find)} characters is too long; {PATTERN_MAX} is the most")
    flags = re.IGNORECASE if ignorecase else 0
    PRESENT.spend(_COMPILE_UNITS * (len(find) + 10))
    try:
        return Bounded(re.compile(find, flags), parser.parse(find, flags))
    except (re.error, RecursionError, OverflowError) as error:
        raise TemplateError(f"the pattern {find!r} is wrong: {error}") from None


def has_match(value: object, find: object, *, ignorecase: bool, starts_anywhere: bool) -> bool:
    """Whether a pattern matches a text, at its start or anywhere."""
    if starts_anywhere and isinstance(find, str) and "\n" not in str(value):
        starts_anywhere = not compiled(find, ignorecase).starts_with_anything
    pattern, text = payable(value, find, ignorecase=ignorecase, starts_anywhere=starts_anywhere)
    return (pattern.search(text) if starts_anywhere else pattern.match(text)) is not None


def payable(
    value: object, find: object, *, ignorecase: bool, starts_anywhere: bool = True
) -> tuple[re.Pattern[str], str]:
    """The pattern and the text, once the match is known to end and is paid for."""
    if not isinstance(find, str):
        raise TypeError(f"a pattern is a text, not {type(find).__name__}")
    text = value if isinstance(value, str) else str(value)
    PRESENT.spend(text_units(text) + 20)
    bounded = compiled(find, ignorecase)
    tries = bounded.tries(len(text), starts_anywhere=starts_anywhere)
    if tries > _TRIES_MAX:
        raise TemplateTooCostly(
            f"the pattern {find!r} could try {_amount(tries)} ways on a text of {len(text)} characters; "
            "write it without a repeat inside a repeat, with fewer `.*`, or on a shorter text"
        )
    PRESENT.spend(tries // 4)
    return bounded.pattern, text


def replace_all(pattern: re.Pattern[str], text: str, replacement: object) -> str:
    """The text with every match replaced; `\\1` in the replacement is the first group."""
    if not isinstance(replacement, str):
        raise TypeError(f"a replacement is a text, not {type(replacement).__name__}")
    return joined(_pieces(pattern, text, replacement))


def _pieces(pattern: re.Pattern[str], text: str, replacement: str) -> Iterator[str]:
    is_plain = "\\" not in replacement
    # A group can stand in the replacement many times, and be as long as the text.
    longest = len(replacement) + replacement.count("\\") * len(text)
    at = 0
    for match in pattern.finditer(text):
        yield text[at : match.start()]
        if not is_plain:
            PRESENT.spend(longest)
        yield replacement if is_plain else match.expand(replacement)
        at = match.end()
    yield text[at:]


def _without_open_end(items: list[Any], length: int) -> tuple[list[Any], list[tuple[list[Any], int]]]:
    """A pattern without an end that may match nothing, and what that end tries, with its rounds.

    When the end is reached the match is made, so nothing before it is ever tried again.
    """
    ends: list[tuple[list[Any], int]] = []
    while items:
        code, value = items[-1]
        if code in _REPEATS and (value[0] == 0 or _is_single(value[2])):
            least, body = int(value[0]), list(value[2])
            if not _is_single(body):
                inside, inner_ends = _without_open_end(body, length)
                ends += [(inside, 1 if value[1] == 1 else length + 1), *inner_ends]
            items = items[:-1] + body * min(least, 1)
            if least:
                break
        elif code is codes.SUBPATTERN:
            inside, inner_ends = _without_open_end(list(value[3]), length)
            ends += inner_ends
            items = items[:-1] + inside
            if inside:
                break
        else:
            break
    return items, ends


def _sequence(items: Sequence[Any], length: int) -> _Ways:
    ways = steps = 1
    open_repeats = letters = 0
    for item in items:
        if item[0] in _LETTERS:
            letters += 1
            continue
        one = _one(item, length)
        ways = min(_ENDLESS, ways * one.ways)
        steps += one.steps
        open_repeats += one.open_repeats
    return _Ways(ways, min(_ENDLESS, steps + letters // 4), open_repeats)


def _one(item: Any, length: int) -> _Ways:
    code, value = item
    if code in _REPEATS:
        least, most, body = value
        return _repeat(least, most, body, length)
    if code is codes.BRANCH:
        branches = [_sequence(branch, length) for branch in value[1]]
        ways = [branch.ways for branch in branches]
        return _Ways(
            max(ways) if _are_distinct(value[1]) else sum(ways),
            sum(branch.steps for branch in branches),
            max(branch.open_repeats for branch in branches),
        )
    if code is codes.GROUPREF:
        return _Ways(1, length + 1)
    for inside in _insides(code, value):
        return _sequence(inside, length)
    return _Ways(1, 1)


def _insides(code: Any, value: Any) -> Iterator[Sequence[Any]]:
    if code is codes.SUBPATTERN:
        yield value[3]
    elif code in (codes.ASSERT, codes.ASSERT_NOT):
        yield value[1]
    elif code is codes.ATOMIC_GROUP:
        yield value
    elif code is codes.GROUPREF_EXISTS:
        yield [(codes.BRANCH, (None, [part for part in value[1:] if part]))]


def _repeat(least: int, most: Any, body: Any, length: int) -> _Ways:
    one = _sequence(body, length)
    shortest = body.getwidth()[0]
    # A body that takes characters runs out of them; an empty one is repeated as often as is written.
    fits = length // shortest + 1 if shortest else max(length, int(least))
    times = fits if most is codes.MAXREPEAT else min(int(most), fits)
    if times <= 1:
        return _Ways(one.ways * (2 if least == 0 else 1), one.steps, one.open_repeats)
    if one.open_repeats or one.ways > 1:
        return _power(one, times)
    steps = 1 if _is_single(body) else one.steps * (1 if shortest else times)
    choices = times - min(int(least), times) + 1
    return (
        _Ways(1, steps, 1) if choices > _OPEN_FROM else _Ways(choices, steps + min(times, int(least)) * one.steps)
    )


def _power(one: _Ways, times: int) -> _Ways:
    """A repeat of what matches in several ways itself: they multiply with every round."""
    if one.open_repeats or times > 60:
        return _Ways(_ENDLESS, 1)
    return _Ways(min(_ENDLESS, (times + 1) * one.ways**times), one.steps * times)


def _is_single(body: Sequence[Any]) -> bool:
    return len(body) == 1 and body[0][0] in _LETTERS


def _are_distinct(branches: Sequence[Sequence[Any]]) -> bool:
    """Whether the first character tells which branch it is, so that no text matches two of them."""
    firsts = [branch[0] if len(branch) else None for branch in branches]
    letters = [first[1] for first in firsts if first is not None and first[0] is codes.LITERAL]
    return len(letters) == len(branches) == len({chr(letter).casefold() for letter in letters})


def _amount(tries: int) -> str:
    return "endlessly many" if tries >= _ENDLESS else f"{tries:,}"
