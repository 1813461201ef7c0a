"""Records as plain JSON and back, for files that leave the hub: strict, since anybody may have edited them."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hub.core.errors import HubError

T = TypeVar("T")

_WHOLE_MAX = 1 << 63


class Malformed(HubError):
    """A record that is not shaped as it must be; the text says where."""


def plain(value: object) -> Any:
    """A record as JSON knows it: bytes as hex, words of an enum as themselves."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    kind: type[Any] = type(value)
    return {name: plain(getattr(value, name)) for name in _hints(kind)}  # type: ignore[arg-type]  # classes are hashable


def read(kind: type[T], value: object, where: str) -> T:
    """The record of a kind that `plain` wrote; raises `Malformed`."""
    made: T = _read(kind, value, where)
    return made


@lru_cache(maxsize=64)
def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _read(kind: Any, value: object, where: str) -> Any:
    kind = getattr(kind, "__supertype__", kind)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        choices = [one for one in get_args(kind) if one is not types.NoneType]
        return None if value is None else _read(choices[0], value, where)
    if origin is tuple:
        return _tuple(get_args(kind), value, where)
    if origin is not None and issubclass(origin, Mapping):
        name, each = get_args(kind)
        record = _expect(dict, value, where)
        return {_read(name, key, where): _read(each, one, f"{where}.{key}") for key, one in record.items()}
    if is_dataclass(kind):
        return _record(kind, value, where)
    if issubclass(kind, Enum):
        return _word(kind, value, where)
    if kind is bytes:
        return _bytes(value, where)
    return _expect(kind, value, where)


def _record(kind: Any, value: object, where: str) -> Any:
    record = _expect(dict, value, where)
    hints = _hints(kind)
    strange = sorted(set(record) - set(hints))
    missing = sorted({field.name for field in fields(kind)} - set(record))
    if strange or missing:
        raise Malformed(
            f"{where} has {', '.join(strange) or 'nothing'} too much and lacks {', '.join(missing) or 'nothing'}"
        )
    return kind(**{name: _read(hint, record[name], f"{where}.{name}") for name, hint in hints.items()})


def _tuple(kinds: tuple[Any, ...], value: object, where: str) -> Any:
    listed = _expect(list, value, where)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_read(kinds[0], one, f"{where}[{place}]") for place, one in enumerate(listed))
    if len(listed) != len(kinds):
        raise Malformed(f"{where} holds {len(listed)} values, not {len(kinds)}")
    return tuple(
        _read(kind, one, f"{where}[{place}]") for place, (kind, one) in enumerate(zip(kinds, listed, strict=True))
    )


def _word(kind: type[Enum], value: object, where: str) -> Enum:
    try:
        return kind(value)
    except ValueError:
        raise Malformed(f"{where} is {value!r}; it is one of {', '.join(str(one.value) for one in kind)}") from None


def _bytes(value: object, where: str) -> bytes:
    try:
        return bytes.fromhex(_expect(str, value, where))
    except ValueError:
        raise Malformed(f"{where} is no text of hexadecimal digits") from None


def _expect(kind: type[T], value: object, where: str) -> T:
    # A bool passes for a whole number in Python, and is none.
    if type(value) is not kind:
        raise Malformed(f"{where} is {type(value).__name__}, not {kind.__name__}")
    if isinstance(value, int) and not -_WHOLE_MAX <= value < _WHOLE_MAX:
        raise Malformed(f"{where} is no number that a ledger holds")
    return value
