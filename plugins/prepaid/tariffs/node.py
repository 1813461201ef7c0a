"""A value of a tariff's document with its place: read it, and what is wrong is noted instead of raised.

Every reader gives something harmless after a fault, so that reading goes on and all errors come at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TypeVar

import voluptuous as vol

from hub.core.config import ConfigError, ConfigErrors, Mark, did_you_mean, mark_of
from hub.core.config.fields import decimal, slug
from hub.core.config.show import show

_NAME = re.compile(r"[^\s:|,*][^:|,\n\t*]*")
_NAME_LENGTH_MAX = 60
_KEYS_SHOWN_MAX = 12
MOST = 1_000_000_000

Path = tuple[str | int, ...]
Word = TypeVar("Word", bound=Enum)


class Faults:
    """What is wrong with one document, each with its place."""

    def __init__(self, document: object, start: Mark) -> None:
        """Find places in a document; what has none is shown at its start."""
        self._document = document
        self._start = start
        self._errors: list[ConfigError] = []

    def add(self, path: Path, text: str, *, at_key: bool = False) -> None:
        """Note a fault of the value at a path, or of its key."""
        shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        place = f"tariff at {shown}" if shown else "tariff"
        mark = mark_of(self._document, path, of_key=at_key) or self._start
        self._errors.append(ConfigError(f"{place}: {text}", mark))

    def place(self, path: Path) -> Mark:
        """Where a value is written, for an error text that speaks of two places."""
        return mark_of(self._document, path) or self._start

    def raise_any(self) -> None:
        """Raise `ConfigErrors` if anything was noted."""
        if self._errors:
            raise ConfigErrors(self._errors)


class Node:
    """One value and where it is."""

    def __init__(self, value: object, faults: Faults, path: Path = ()) -> None:
        """Take a value of the document."""
        self.value = value
        self.path = path
        self.faults = faults

    def fault(self, text: str, *, at_key: bool = False) -> None:
        """Note what is wrong here."""
        self.faults.add(self.path, text, at_key=at_key)

    def has(self, key: str) -> bool:
        """Whether this is a mapping with that key."""
        return isinstance(self.value, dict) and key in self.value

    def child(self, step: str | int) -> Node:
        """A value inside; nothing when it is missing, which was noted then."""
        here = (*self.path, step)
        if isinstance(self.value, list) and isinstance(step, int):
            return Node(self.value[step], self.faults, here)
        return Node(self.value.get(step) if isinstance(self.value, dict) else None, self.faults, here)

    def section(self, required: Sequence[str] = (), optional: Sequence[str] = ()) -> bool:
        """Check that this is a mapping with these keys and no other; false when it is no mapping at all."""
        if not isinstance(self.value, dict):
            self.fault(f"expected a mapping with {', '.join([*required, *optional])}, got {show(self.value)}")
            return False
        known = [*required, *optional]
        for key in required:
            if key not in self.value:
                self.fault(f"missing key '{key}'")
        for key in self.value:
            if key not in known:
                hint = did_you_mean(key, known)
                if not hint and len(known) <= _KEYS_SHOWN_MAX:
                    hint = f" Known keys: {', '.join(known)}."
                text = f"unknown key {show(key)}{'.' if hint else ''}{hint}"
                self.faults.add((*self.path, key), text, at_key=True)
        return True

    def entries(self, what: str) -> Iterator[tuple[str, Node]]:
        """Names and values of a mapping whose keys people choose."""
        if not isinstance(self.value, dict) or not self.value:
            self.fault(f"expected a mapping of {what}, got {show(self.value) if self.value != {} else 'none'}")
            return
        for key in self.value:
            node = self.child(key)
            if not _NAME.fullmatch(key) or len(key) > _NAME_LENGTH_MAX:
                node.fault(f"{show(key)} is no name; leave out : , | and *, and keep it short", at_key=True)
            yield key, node

    def items(self, what: str) -> Iterator[Node]:
        """The items of a list; a value that stands alone counts as a list of one."""
        if isinstance(self.value, list):
            if not self.value:
                self.fault(f"expected {what}, got an empty list")
            for index in range(len(self.value)):
                yield self.child(index)
        elif self.value is None or isinstance(self.value, dict):
            self.fault(f"expected {what}, got {show(self.value)}")
        else:
            yield self

    def text(self, what: str) -> str:
        """A text with something in it."""
        if not isinstance(self.value, str) or not self.value.strip():
            hint = "; put it in quotes" if isinstance(self.value, bool | int | Decimal) else ""
            self.fault(f"expected {what}, got {show(self.value)}{hint}")
            return ""
        return self.value.strip()

    def slug(self) -> str:
        """A name of small letters, digits and underscores."""
        try:
            return slug(self.value)
        except vol.Invalid as error:
            self.fault(str(error))
            return ""

    def boolean(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.fault(f"expected true or false, got {show(self.value)}")
            return False
        return self.value

    def number(self, what: str, *, decimals: int, least: int | None = 0, most: int = MOST) -> int:
        """An exact number times ten to `decimals`, as a whole number; 0 after a fault."""
        try:
            value = decimal(self.value)
        except vol.Invalid:
            self.fault(f"expected {what}, got {show(self.value)}")
            return 0
        if (least is not None and value < least) or abs(value) > most:
            bounds = f"from {least:,} to {most:,}" if least is not None else f"between -{most:,} and {most:,}"
            self.fault(f"expected {what} {bounds}, got {show(value)}")
            return 0
        scaled: Fraction = Fraction(value) * 10**decimals  # Decimal's own arithmetic would round long numbers
        if scaled.denominator != 1:
            allowed = f"more than {decimals} decimals" if decimals else "a fraction"
            self.fault(f"{value} has {allowed}: it could not be charged exactly")
            return 0
        return int(scaled)

    def number_at(
        self, key: str, what: str, *, decimals: int, default: int = 0, least: int | None = 0, most: int = MOST
    ) -> int:
        """The number under a key, as `number` reads it, or a default."""
        if not self.has(key):
            return default
        return self.child(key).number(what, decimals=decimals, least=least, most=most)

    def word_at(self, key: str, default: Word) -> Word:
        """The word of an enum under a key, or a default."""
        return self.child(key).word(type(default)) if self.has(key) else default

    def word(self, words: type[Word]) -> Word:
        """One of the words of an enum."""
        names = [one.value for one in words]
        if self.value not in names:
            hint = did_you_mean(str(self.value), names)
            self.fault(f"expected {either(names)}, got {show(self.value)}{'.' if hint else ''}{hint}")
            return next(iter(words))
        return words(self.value)

    def one_of(self, known: Collection[str], what: str) -> str | None:
        """A name that must be known; None after a fault."""
        if isinstance(self.value, str) and self.value in known:
            return self.value
        hint = did_you_mean(str(self.value), known)
        if not hint and 0 < len(known) <= _KEYS_SHOWN_MAX:
            hint = f" There are: {', '.join(known)}."
        self.fault(f"there is no {what} {show(self.value)}.{hint}")
        return None


def either(names: Iterable[object]) -> str:
    """Names for an error text: `'a', 'b' or 'c'`."""
    texts = [repr(name) for name in names]
    return " or ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def plain(number: Decimal) -> str:
    """A number as text in the one way that equal numbers share."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
