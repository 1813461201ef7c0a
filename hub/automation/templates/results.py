"""From a render's text to a value, as Home Assistant reads it: `5` is a number, `[1, 2]` a list, `yes` a text."""

from __future__ import annotations

import re
from ast import literal_eval
from decimal import Decimal

from hub.automation.templates.errors import TemplateTooCostly

LITERAL_MAX = 32_768
"""Characters of the longest list or mapping that is read back; Python's parser takes 500 times the memory."""

_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,4000})\Z")
_FRACTION = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,400})\.[0-9]{0,4000}\Z|[+-]?\.[0-9]{1,4000}\Z")
# What a Python literal other than a plain number can start with; everything else is text at a glance.
_LITERAL_STARTS = frozenset("[({'\"+-.0123456789TFNbBrRuUs")
_WORDS: dict[str, object] = {"True": True, "False": False, "None": None}

_TRUE = frozenset({"1", "true", "yes", "on", "enable"})
_FALSE = frozenset({"0", "false", "no", "off", "disable"})


def native(text: str) -> object:
    """The value that a render's text stands for; a text that is no literal stays what it is."""
    if text in _WORDS:
        return _WORDS[text]
    if not text or text[0] not in _LITERAL_STARTS:
        return text
    if _INTEGER.match(text):
        return int(text)
    if _FRACTION.match(text):
        return float(text)
    if len(text) > LITERAL_MAX:
        if text[0] in "[({":
            raise TemplateTooCostly(
                f"a list or mapping of {len(text)} characters is too long to be a value; {LITERAL_MAX} is the most"
            )
        return text
    try:
        value = literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
    # Numbers come here only in spellings (1e5, 1_000, 0x10) that people mean as text.
    is_number = isinstance(value, int | float | complex) and not isinstance(value, bool)
    return text if is_number or isinstance(value, str) or value is ... else value


def as_boolean(value: object) -> bool | None:
    """True or false as rules spell it (`on`, `yes`, `1`, numbers but 0), or None when it is neither."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.lower().strip()
        return True if word in _TRUE else False if word in _FALSE else None
    return bool(value) if isinstance(value, int | float | Decimal) else None


def as_truth(value: object) -> bool:
    """Whether a result counts as true; what is neither true nor false counts as false."""
    return bool(as_boolean(value))
