"""JSON for records: canonical, with tagged Decimal and datetime, and never a float where money is meant."""

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


def encode(value: object) -> str:
    """The one text for a value: sorted keys, no spaces; equal values give equal texts."""
    return json.dumps(
        value, default=_tagged, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def decode(text: str) -> Any:
    """The value that `encode` wrote."""
    return json.loads(text, object_hook=_untagged)


def digest(value: object) -> str:
    """A hash of a value's one text, to tell whether two payloads are the same."""
    return hashlib.sha256(encode(value).encode()).hexdigest()
