"""The methods of values that templates may call; whatever is not listed is refused, whatever can grow is sized."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from hub.automation.templates.budget import PRESENT, TEXT_MAX, given, walked, weigh
from hub.automation.templates.errors import NotOffered, TemplateTooCostly
from hub.automation.templates.operators import check_width, joined
from hub.automation.templates.unique import UniqueItems

FORMAT_MAX = 200
"""Characters of the longest time format."""

_OF_TEXT = """
    capitalize casefold center count endswith expandtabs find index isalnum isalpha isascii isdecimal isdigit
    isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip partition
    removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip
    swapcase title upper zfill
"""
_OF_MAPPING = "get items keys values copy"
_OF_SET = "copy union intersection difference symmetric_difference issubset issuperset isdisjoint"
_OF_DATE = "strftime isoformat weekday isoweekday isocalendar replace toordinal timetuple ctime"
_OF_TIME = f"{_OF_DATE} timestamp date time timetz astimezone utcoffset tzname dst"
ALLOWED: dict[type, frozenset[str]] = {
    str: frozenset(_OF_TEXT.split()),
    bytes: frozenset({"decode", "hex"}),
    bool: frozenset(),
    int: frozenset({"bit_length", "bit_count", "as_integer_ratio"}),
    float: frozenset({"is_integer", "as_integer_ratio"}),
    Decimal: frozenset({"quantize", "normalize", "to_integral_value", "is_signed", "is_zero"}),
    list: frozenset({"count", "index", "copy"}),
    tuple: frozenset({"count", "index"}),
    range: frozenset({"count", "index"}),
    dict: frozenset(_OF_MAPPING.split()),
    MappingProxyType: frozenset(_OF_MAPPING.split()),
    set: frozenset(_OF_SET.split()),
    UniqueItems: frozenset(_OF_SET.split()) - {"copy"},
    datetime: frozenset(_OF_TIME.split()),
    date: frozenset(_OF_DATE.split()),
    timedelta: frozenset({"total_seconds"}),
}


def allowed_on(value: object) -> frozenset[str] | None:
    """The methods that may be called on a value, or None when it is of no kind that has any."""
    for kind in type(value).__mro__:
        if kind in ALLOWED:
            return ALLOWED[kind]
    return None


def call_method(
    owner: object, name: str, method: Callable[..., object], args: tuple[object, ...], named: Mapping[str, object]
) -> object:
    """Call a method of a value."""
    if name not in (allowed_on(owner) or ()):
        raise NotOffered(f"{type(owner).__name__}.{name}() is not offered to templates")
    for value in (*args, *named.values()):
        weigh(value)
    if isinstance(owner, Mapping) and name != "copy":
        return method(*args, **named)  # nothing is made: the views are paid for as they are walked
    weigh(owner)
    guard = _GUARDS.get((type(owner), name))
    if guard is not None:
        return given(guard(owner, method, *args, **named))
    return given(method(*args, **named))


def _widened(owner: str, method: Callable[..., object], width: int = 0, *rest: object) -> object:
    check_width(width)
    return method(width, *rest)


def _expanded(owner: str, method: Callable[..., object], tabsize: int = 8) -> object:
    check_width(tabsize)
    _check_size(len(owner) + owner.count("\t") * max(tabsize, 0))
    return method(tabsize)


def replaced(owner: str, old: str, new: str, count: int = -1) -> str:
    """A text with another put in place of a part of it; sized first."""
    places = owner.count(old) if count < 0 else min(count, owner.count(old))
    _search_cost(owner, old)
    _check_size(len(owner) + places * (len(new) - len(old)))
    return owner.replace(old, new, count)


def _replaced(owner: str, method: Callable[..., object], old: str, new: str, count: int = -1) -> object:
    return replaced(owner, old, new, count)


def _searched(
    owner: str, method: Callable[..., object], part: object = None, *rest: object, **named: object
) -> object:
    if isinstance(part, str):
        _search_cost(owner, part)
    # A text falls into as many parts as the separator occurs, each with its own header.
    PRESENT.spend(10 * (owner.count(part) if isinstance(part, str) and part else len(owner) // 2))
    return method(*([] if part is None and not rest else [part]), *rest, **named)


def _joined(owner: str, method: Callable[..., object], parts: object) -> object:
    if not isinstance(parts, Iterable):
        raise TypeError(f"join takes a list, not {type(parts).__name__}")
    listed = list(walked(parts))
    for part in listed:
        if not isinstance(part, str):
            raise TypeError(f"join takes texts, found {type(part).__name__}")
    return joined(listed, owner)


def _decoded(owner: bytes, method: Callable[..., object], encoding: str = "utf-8", *rest: object) -> object:
    if encoding.lower() not in {"utf-8", "utf8", "ascii", "latin-1", "iso-8859-1", "utf-16"}:
        raise NotOffered(f"the encoding {encoding!r} is not offered; use utf-8, ascii or latin-1")
    return method(encoding, *rest)


def _strftime(owner: date, method: Callable[..., object], form: str) -> object:
    if len(form) > FORMAT_MAX:
        raise TemplateTooCostly(f"a time format of {len(form)} characters is too long; {FORMAT_MAX} is the most")
    return method(form)


def _timestamp(owner: datetime, method: Callable[..., object]) -> object:
    return _placed(owner).timestamp()


def _astimezone(owner: datetime, method: Callable[..., object], zone: object = None) -> object:
    # Without a zone Python asks the operating system for one; the site's is meant.
    return _placed(owner).astimezone(PRESENT.now().world.time_zone if zone is None else zone)  # type: ignore[arg-type]


def _placed(moment: datetime) -> datetime:
    return moment.replace(tzinfo=PRESENT.now().world.time_zone) if moment.tzinfo is None else moment


def _search_cost(text: str, part: str) -> None:
    PRESENT.spend(len(text) * min(len(part), 128) // 32)


def _check_size(size: int) -> None:
    if size > TEXT_MAX:
        raise TemplateTooCostly(f"the text would have {size} characters; {TEXT_MAX} is the most")


_SEARCHING = "split rsplit splitlines count find rfind index rindex"
_GUARDS: dict[tuple[type, str], Callable[..., object]] = {
    **{(str, name): _widened for name in ("center", "ljust", "rjust", "zfill")},
    **{
        (str, name): _searched
        for name in ("split", "rsplit", "splitlines", "count", "find", "rfind", "index", "rindex")
    },
    (str, "expandtabs"): _expanded,
    (str, "replace"): _replaced,
    (str, "join"): _joined,
    (bytes, "decode"): _decoded,
    (datetime, "strftime"): _strftime,
    (date, "strftime"): _strftime,
    (datetime, "timestamp"): _timestamp,
    (datetime, "astimezone"): _astimezone,
}
