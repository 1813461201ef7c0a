"""Text for templates: joining, replacing, patterns, JSON, hashes; every result is sized before it is made."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape

from hub.automation.templates import patterns
from hub.automation.templates.budget import PRESENT, TEXT_MAX
from hub.automation.templates.errors import NotOffered, TemplateTooCostly
from hub.automation.templates.methods import replaced
from hub.automation.templates.operators import check_percent, check_width

# What no decomposition takes apart; the letters of the larger Latin alphabets.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "ł": "l", "Ł": "L"}
)


def regex_match(value: object, find: str = "", ignorecase: object = False) -> bool:
    """Whether the text matches from its start."""
    return patterns.has_match(value, find, ignorecase=bool(ignorecase), starts_anywhere=False)


def regex_search(value: object, find: str = "", ignorecase: object = False) -> bool:
    """Whether the text matches anywhere."""
    return patterns.has_match(value, find, ignorecase=bool(ignorecase), starts_anywhere=True)


def regex_replace(value: object = "", find: str = "", replace: str = "", ignorecase: object = False) -> str:
    """The text with every match replaced."""
    pattern, text = patterns.payable(value, find, ignorecase=bool(ignorecase))
    return patterns.replace_all(pattern, text, replace)


def regex_findall(value: object, find: str = "", ignorecase: object = False) -> list[Any]:
    """All matches; with groups, the groups of each."""
    pattern, text = patterns.payable(value, find, ignorecase=bool(ignorecase))
    # Groups can overlap, so each match can hold the text several times over.
    PRESENT.spend(len(text) * 5 * (pattern.groups + 1))
    return pattern.findall(text)


def regex_findall_index(value: object, find: str = "", index: int = 0, ignorecase: object = False) -> object:
    """One of all matches."""
    return regex_findall(value, find, ignorecase)[index]


def slugify(value: object, separator: str = "_") -> str:
    """A text as an entity id would spell it; letters outside Latin are left out."""
    text = str(value) if value is not None else ""
    if not text:
        return ""
    text = unicodedata.normalize("NFKD", text.replace("'", "-").translate(_LETTERS))
    text = text.encode("ascii", "ignore").decode().lower()
    text = re.sub(r"(?<=\d),(?=\d)", "", text)
    return replaced(re.sub(r"[^a-z0-9]+", "-", text).strip("-"), "-", separator) or "unknown"


def replace(value: object, old: object, new: object, count: int | None = None) -> str:
    """The text with every occurrence of a part replaced, or the first few."""
    return replaced(str(value), str(old), str(new), -1 if count is None else count)


def formatted(value: object, *args: object, **named: object) -> str:
    """`'%s'|format(x)`: the text with its %-signs filled."""
    text = str(value)
    if args and named:
        raise TypeError("format takes positional or named values, not both")
    check_percent(text, named or args)
    return text % (named or args)


def centered(value: object, width: int = 80) -> str:
    """The text in the middle of a column."""
    return str(value).center(check_width(width))


def indented(value: str, width: int | str = 4, first: object = False, blank: object = False) -> str:
    """The text with every line but the first moved in."""
    margin = width if isinstance(width, str) else " " * check_width(width)
    text = str(value)
    size = len(text) + (text.count("\n") + 1) * len(margin)
    if size > TEXT_MAX:
        raise TemplateTooCostly(f"the indented text would have {size} characters; {TEXT_MAX} is the most")
    lines = (text + "\n").splitlines()
    moved = [margin + line if line or blank else line for line in lines[1:]]
    return "\n".join([margin + lines[0] if first else lines[0], *moved])


def trimmed(value: object, chars: str | None = None) -> str:
    """The text without white space, or some characters, at both ends."""
    text = str(value)
    PRESENT.spend(len(text) * len(chars or "") // 8)
    return text.strip(chars)


def as_text(value: object) -> str:
    """The value as text."""
    return value if isinstance(value, str) else str(value)


def escaped(value: object) -> str:
    """The text with the letters escaped that mean something in HTML."""
    return str(escape(str(value)))


def without_tags(value: object) -> str:
    """The text without HTML tags, its white space evened out."""
    text = str(value)
    PRESENT.spend(len(text) * (5 + text.count("<") // 100))  # each tag is cut out of the whole text
    return Markup(text).striptags()  # noqa: S704 - only its method is used


def base64_encode(value: str) -> str:
    """The text in base 64."""
    return base64.b64encode(value.encode()).decode()


def base64_decode(value: str, encoding: str | None = "utf-8") -> str | bytes:
    """The text that is written in base 64; bytes without an encoding."""
    data = base64.b64decode(value)
    if encoding is None:
        return data
    if encoding.lower() not in {"utf-8", "utf8", "ascii", "latin-1", "iso-8859-1", "utf-16"}:
        raise NotOffered(f"the encoding {encoding!r} is not offered; use utf-8, ascii or latin-1")
    return data.decode(encoding)


def _digest(name: str) -> Callable[[str], str]:
    def function(value: str) -> str:
        return hashlib.new(name, value.encode(), usedforsecurity=False).hexdigest()

    return function


def from_json(value: str | bytes) -> object:
    """The value that a JSON text holds."""
    if isinstance(value, str):
        PRESENT.spend(4 * len(value))
    return json.loads(value, parse_constant=_no_constant)


def _no_constant(name: str) -> object:
    raise ValueError(f"JSON knows no {name}")


def to_json(
    value: object,
    ensure_ascii: object = False,
    pretty_print: object = False,
    sort_keys: object = False,
) -> str:
    """The value as JSON; a Decimal becomes a number."""
    spaced = (", ", ": ") if ensure_ascii and not pretty_print else (",", ": ") if pretty_print else (",", ":")
    return json.dumps(
        value if ensure_ascii else _finite(value),
        ensure_ascii=bool(ensure_ascii),
        indent=2 if pretty_print else None,
        separators=spaced,
        sort_keys=bool(sort_keys),
        default=_plain,
    )


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON; turn it into text, a number, a list or a mapping")


def _finite(value: object) -> object:
    """The value with null for what JSON has no number for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        PRESENT.spend(40 * len(value))
        return [_finite(each) for each in value]
    if isinstance(value, Mapping):
        PRESENT.spend(60 * len(value))
        return {key: _finite(each) for key, each in value.items()}
    return value


def contains(items: Any, value: object) -> bool:
    """Whether a value is in a list, or a text in a text."""
    return value in items


def iif(condition: object, if_true: object = True, if_false: object = False, *if_none: object) -> object:
    """One value if the condition holds, else another, and a third if it is none."""
    if condition is None and if_none:
        return if_none[0]
    return if_true if condition else if_false


def typeof(value: object) -> str:
    """The name of a value's type."""
    return {"UniqueItems": "set", "mappingproxy": "dict", "StateView": "TemplateState"}.get(
        type(value).__name__, type(value).__name__
    )


FILTERS: dict[str, Callable[..., object]] = {
    "iif": iif,
    "md5": _digest("md5"),
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "sha512": _digest("sha512"),
    "slugify": slugify,
    "typeof": typeof,
}
"""Also offered as functions."""

ONLY_FILTERS: dict[str, Callable[..., object]] = {
    "base64_decode": base64_decode,
    "base64_encode": base64_encode,
    "center": centered,
    "contains": contains,
    "e": escaped,
    "escape": escaped,
    "format": formatted,
    "from_json": from_json,
    "indent": indented,
    "ord": ord,
    "regex_findall": regex_findall,
    "regex_findall_index": regex_findall_index,
    "regex_match": regex_match,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "replace": replace,
    "safe": as_text,
    "string": as_text,
    "striptags": without_tags,
    "to_json": to_json,
    "tojson": to_json,
    "trim": trimmed,
}
