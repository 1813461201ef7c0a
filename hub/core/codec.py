"""JSON for records: canonical, with tagged Decimal and datetime, and never a float for an exact amount."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

Json: TypeAlias = "bool | int | float | str | Decimal | datetime | list[Json] | dict[str, Json] | None"

_TAGS: dict[str, Callable[[str], object]] = {"$decimal": Decimal, "$datetime": datetime.fromisoformat}


def _tagged(value: object) -> object:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError(f"{value!r} cannot be recorded; only finite numbers can")
        return {"$decimal": str(value)}
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"{value!r} has no time zone; records keep aware times only")
        return {"$datetime": value.isoformat()}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(
        f"{type(value).__name__} cannot be recorded; use text, numbers, Decimal, datetime, lists and dicts"
    )


def _untagged(record: dict[str, Any]) -> Any:
    if len(record) == 1:
        tag, value = next(iter(record.items()))
        if tag in _TAGS:
            return _TAGS[tag](value)
    return record


def _refuse_tags(value: object) -> None:
    """Raise where a dict from outside would be read back as something else."""
    if isinstance(value, Mapping):
        if len(value) == 1 and next(iter(value)) in _TAGS:
            raise TypeError(f"a dict with {next(iter(value))!r} as its only key cannot be recorded: rename the key")
        for each in value.values():
            _refuse_tags(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            _refuse_tags(each)


def _refuse_half_characters(text: str) -> None:
    """Raise for what no file can hold: half of a surrogate pair, as JSON from outside may carry."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = text[error.start]
        raise TypeError(f"text with the half character {half!r} cannot be recorded: remove it") from None


_to_text = json.JSONEncoder(
    default=_tagged, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode
_from_text = json.JSONDecoder(object_hook=_untagged).decode
"""Made once: `json.dumps` and `json.loads` make one for each call, which is half of a small record's time."""


def encode(value: object) -> str:
    """The one text for a value: sorted keys, no spaces. `Decimal("1.0")` and `Decimal("1.00")` are two values."""
    text = _to_text(value)
    if '"$' in text:
        _refuse_tags(value)
    if not text.isascii():
        _refuse_half_characters(text)
    return text


def decode(text: str) -> Any:
    """The value that `encode` wrote."""
    return _from_text(text)


def digest(value: object) -> str:
    """A hash of a value's one text, to tell whether two payloads are the same."""
    return hashlib.sha256(encode(value).encode()).hexdigest()
