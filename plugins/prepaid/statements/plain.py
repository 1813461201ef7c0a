"""Records as plain JSON and back, for files that leave the hub: strict, since anybody may have edited them."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hub.core.errors import HubError

T = TypeVar("T")
_Reader = Callable[[Any], Any]

_WHOLE_MAX = 1 << 63


class Malformed(HubError):
    """A record that is not shaped as it must be; the text says where."""

    def __init__(self, text: str, where: str = "") -> None:
        """Say what is wrong, and where: each level that it comes through puts its own name before."""
        super().__init__(f"{where} {text}" if where else text)
        self.text = text
        self.where = where

    def inside(self, step: str) -> Malformed:
        """The same, seen from one level further out."""
        return Malformed(self.text, f"{step}{self.where}")


def plain(value: object) -> Any:
    """A record as JSON knows it: bytes as hex, words of an enum as themselves."""
    if value is None or isinstance(value, str | int):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    kind: Any = type(value)
    return {name: plain(getattr(value, name)) for name in _names(kind)}


def read(kind: type[T], value: object, where: str) -> T:
    """The record of a kind that `plain` wrote; raises `Malformed`."""
    wanted: Any = kind
    try:
        made: T = _reader(wanted)(value)
    except Malformed as error:
        raise error.inside(where) from None
    return made


@lru_cache(maxsize=64)
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@lru_cache(maxsize=256)
def _reader(kind: Any) -> _Reader:
    """The function that reads a kind, made once: bundles hold tens of thousands of values."""
    kind = getattr(kind, "__supertype__", kind)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        [choice] = [one for one in get_args(kind) if one is not types.NoneType]
        inner = _reader(choice)
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        return _tuple(get_args(kind))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(*get_args(kind))
    if is_dataclass(kind):
        return _record(kind)
    if issubclass(kind, Enum):
        return _word(kind)
    return {bytes: _bytes, int: _whole, str: _text, bool: _truth}[kind]


def _record(kind: Any) -> _Reader:
    hints = get_type_hints(kind)
    readers = {name: _reader(hints[name]) for name in _names(kind)}

    def of(value: Any) -> Any:
        if type(value) is not dict:
            raise _wrong(value, "dict")
        if value.keys() != readers.keys():
            too_much = ", ".join(sorted(value.keys() - readers.keys())) or "nothing"
            too_little = ", ".join(sorted(readers.keys() - value.keys())) or "nothing"
            raise Malformed(f"has {too_much} too much and lacks {too_little}")
        made = {}
        for name, reader in readers.items():
            try:
                made[name] = reader(value[name])
            except Malformed as error:
                raise error.inside(f".{name}") from None
        return kind(**made)

    return of


def _tuple(kinds: tuple[Any, ...]) -> _Reader:
    is_open = len(kinds) == 2 and kinds[1] is Ellipsis
    readers = [_reader(one) for one in (kinds[:1] if is_open else kinds)]

    def of(value: Any) -> Any:
        if type(value) is not list:
            raise _wrong(value, "list")
        if not is_open and len(value) != len(readers):
            raise Malformed(f"holds {len(value)} values, not {len(readers)}")
        made = []
        for place, one in enumerate(value):
            try:
                made.append((readers[0] if is_open else readers[place])(one))
            except Malformed as error:
                raise error.inside(f"[{place}]") from None
        return tuple(made)

    return of


def _mapping(key_kind: Any, value_kind: Any) -> _Reader:
    key_reader, value_reader = _reader(key_kind), _reader(value_kind)

    def of(value: Any) -> Any:
        if type(value) is not dict:
            raise _wrong(value, "dict")
        made = {}
        for key, one in value.items():
            try:
                made[key_reader(key)] = value_reader(one)
            except Malformed as error:
                raise error.inside(f".{key}") from None
        return made

    return of


def _word(kind: type[Enum]) -> _Reader:
    words = {one.value: one for one in kind}

    def of(value: Any) -> Any:
        if type(value) is not str or value not in words:
            raise Malformed(f"is {value!r}; it is one of {', '.join(map(str, words))}")
        return words[value]

    return of


def _bytes(value: Any) -> bytes:
    try:
        return bytes.fromhex(_text(value))
    except ValueError:
        raise Malformed("is no text of hexadecimal digits") from None


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _wrong(value, "str")
    return value


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise _wrong(value, "bool")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:  # a bool passes for a whole number in Python, and is none
        raise _wrong(value, "int")
    if not -_WHOLE_MAX <= value < _WHOLE_MAX:
        raise Malformed("is no number that a ledger holds")
    return value


def _wrong(value: Any, wanted: str) -> Malformed:
    return Malformed(f"is {type(value).__name__}, not {wanted}")
