"""Secrets that cannot be printed by accident, and the filter that keeps their text out of logs and diagnostics."""

from __future__ import annotations

import json
import logging
import re
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn, Self, TypeAlias
from urllib.parse import quote, quote_plus

MASK = "***"
_LENGTH_MIN = 4  # a shorter text would blot out half of every log line
_LINE_LENGTH_MIN = 8  # of one line of a secret of several lines, such as a key file
_DEPTH_MAX = 32

# What a diagnostics dump is made of after redaction: ready for json.
Redacted: TypeAlias = "str | int | float | bool | list[Redacted] | dict[str, Redacted] | None"


class Secret(str):
    """A text that shows itself as `***` everywhere; only `reveal()` gives it.

    To Python it is the text `***`: formatting, joining, json and a database driver get the mask. So code that
    forgets `reveal()` fails openly and leaks nothing.
    """

    __slots__ = ("_text",)

    _text: str

    def __new__(cls, text: str) -> Self:
        """Hide a text."""
        secret = super().__new__(cls, MASK)
        secret._text = text
        return secret

    def reveal(self) -> str:
        """The text itself; hand it to the one library that needs it, and do not keep it."""
        return self._text

    def __repr__(self) -> str:
        """The mask."""
        return MASK

    def __eq__(self, other: object) -> bool:
        """Equal to another secret of the same text, never to a plain text."""
        return isinstance(other, Secret) and self._text == other._text

    def __ne__(self, other: object) -> bool:
        """The opposite of equal; str has its own."""
        return not self == other

    def __hash__(self) -> int:
        """By the hidden text, as equality is."""
        return hash((Secret, self._text))

    def __copy__(self) -> Secret:
        """Itself: it never changes."""
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        """Itself: it never changes."""
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled: the text would stand in the pickle."""
        raise TypeError("a Secret cannot be pickled; store where it comes from instead")


class Redactor:
    """Knows secret texts and replaces them by `***`; safe to use from any thread."""

    def __init__(self) -> None:
        """Start with no secret."""
        self._lock = threading.Lock()
        self._texts: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def add(self, text: str) -> None:
        """Hide a text of 4 characters or more from now on, also as it looks in a repr, JSON or a URL."""
        shapes = frozenset(shape for shape in _shapes(text) if len(shape) >= _LENGTH_MIN)
        with self._lock:
            if shapes <= self._texts:
                return
            self._texts |= shapes
            longest_first = sorted(self._texts, key=lambda shape: (-len(shape), shape))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    @contextmanager
    def kept_apart(self) -> Iterator[None]:
        """Forget, at the end of the body, the secrets that were added in it; for tests and rehearsals."""
        texts, pattern = self._texts, self._pattern
        try:
            yield
        finally:
            with self._lock:
                self._texts, self._pattern = texts, pattern

    def redact(self, text: str) -> str:
        """The text with every known secret replaced."""
        pattern = self._pattern
        return text if pattern is None else pattern.sub(MASK, text)

    def redact_value(self, value: object, depth: int = 0) -> Redacted:
        """A copy of any value for a diagnostics dump: plain JSON types, secrets replaced in keys and values."""
        if depth > _DEPTH_MAX:
            return "…"
        if isinstance(value, Mapping):
            return {self.redact(str(key)): self.redact_value(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.redact_value(item, depth + 1) for item in value]
        if value is None or isinstance(value, bool):
            return value
        shown = self.redact(str(value))
        return value if type(value) in (int, float) and shown == str(value) else shown  # type: ignore[return-value]


def _shapes(text: str) -> set[str]:
    lines = {line.strip() for line in text.splitlines()} if "\n" in text else set()
    parts = {text, text.strip()} | {line for line in lines if len(line) >= _LINE_LENGTH_MIN}
    escaped = {
        shape
        for part in parts
        for shape in (
            repr(part)[1:-1],
            json.dumps(part)[1:-1],
            json.dumps(part, ensure_ascii=False)[1:-1],
            quote(part, safe="", errors="replace"),
            quote(part, errors="replace"),
            quote_plus(part, errors="replace"),
        )
    }
    return parts | escaped


# One for the process: a log line may come from any part of it. Secrets of an earlier configuration stay hidden.
REDACTOR = Redactor()


def redact(text: str) -> str:
    """The text with every secret that was loaded in this process replaced by `***`."""
    return REDACTOR.redact(text)


class RedactingFilter(logging.Filter):
    """Replaces secrets in message, arguments, exception and stack; add it to every handler, not to loggers.

    A filter of a logger does not see what its children log; one of a handler sees all that is written.
    """

    def __init__(self, redactor: Redactor = REDACTOR) -> None:
        """Hide what a redactor knows."""
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place; it is always let through."""
        redact = self._redactor.redact
        try:
            message = record.getMessage()
        except Exception as error:  # noqa: BLE001 - logging would print message and arguments to stderr, uncleaned
            message = f"{record.msg!r} cannot be formatted with its arguments {record.args!r}: {error}"
            record.msg, record.args = redact(message), ()
        cleaned = redact(message)
        if cleaned != message:
            record.msg, record.args = cleaned, ()
        self._clean_exception(record)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        for name, value in record.__dict__.items():
            if type(value) is str and name not in ("msg", "exc_text", "stack_info"):
                record.__dict__[name] = redact(value)
        return True

    def _clean_exception(self, record: logging.LogRecord) -> None:
        redact = self._redactor.redact
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.exc_info and record.exc_info[0] is not None:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            cleaned = redact(text)
            if cleaned != text:
                # The exception itself would leak through a handler that formats it anew.
                record.exc_text, record.exc_info = cleaned, None
