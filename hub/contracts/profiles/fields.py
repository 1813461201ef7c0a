"""Validators for the single values of a profile, in the spelling of meters' manuals."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from enum import Enum

import voluptuous as vol

from hub.contracts.links import Function
from hub.contracts.profiles.model import Order
from hub.core.config.fields import decimal, duration
from hub.core.config.show import show

ADDRESS_MAX = 0xFFFF
_SCALE_DIGITS_MAX = 15
_REPEATS_MAX = 200
_BYTES_MAX = 256
_TEXT_MAX = 10_000

_ADDRESS = r"(0x[0-9a-fA-F]{1,4}|0|[1-9][0-9]{0,4})"
_SPAN = re.compile(rf"\s*{_ADDRESS}\s*-\s*{_ADDRESS}\s*")
_FORMAT = re.compile(r"8[EON][12]")
_BARE_HEX = re.compile(r"[0-9a-fA-F]{1,4}")


def whole(minimum: int, maximum: int, what: str = "a whole number") -> Callable[[object], int]:
    """A validator for a whole number within bounds, both allowed."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            raise vol.Invalid(f"expected {what} from {minimum} to {maximum}, got {show(value)}")
        return value

    return check


def address(value: object) -> int:
    """An address as in the frame, from 0."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ADDRESS_MAX:
        return value
    hint = ""
    if isinstance(value, str) and _BARE_HEX.fullmatch(value):
        hint = f"; hexadecimal begins with 0x. Did you mean 0x{value}?"
    shown = f"{value} (0x{value:X})" if isinstance(value, int) and not isinstance(value, bool) else show(value)
    raise vol.Invalid(f"expected an address from 0x0000 to 0xFFFF, got {shown}{hint}")


def span(value: object) -> tuple[int, int, str]:
    """A range of addresses: `0x0064-0x0067`, one address, or either with its reason."""
    reason: object = ""
    if isinstance(value, dict):
        reason = value.get("why", "")
        if not {"at"} <= set(value) <= {"at", "why"} or not isinstance(reason, str):
            raise vol.Invalid("expected {at: 0x0064-0x0067, why: text}")
        value = value["at"]
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        if isinstance(value, str) and "-" in value:
            raise vol.Invalid(f"expected a range such as 0x0064-0x0067, got {show(value)}")
        return address(value), address(value), str(reason)
    first, last = address(int(match[1], 0)), address(int(match[2], 0))
    if last < first:
        raise vol.Invalid(f"the range {show(value)} ends before it begins")
    return first, last, str(reason)


def function_code(numbers: tuple[int, ...], what: str) -> Callable[[object], Function]:
    """A function code as manuals print it: 3, 03 or 0x03."""

    def check(value: object) -> Function:
        number = int(value) if isinstance(value, str) and re.fullmatch(r"0[0-9]", value) else value
        if isinstance(number, bool) or not isinstance(number, int) or number not in numbers:
            raise vol.Invalid(f"expected {what}, got {show(value)}")
        return Function(number)

    return check


READ = function_code(
    (1, 2, 3, 4), "the function that reads it: 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers"
)
WRITE = function_code((5, 6, 16), "the function that writes it: 5 one coil, 6 one register, 16 registers")
ANY = function_code(tuple(Function), "a function code: 1 to 6, or 16")


def word_of(kind: type[Enum]) -> vol.All:
    """A validator for the words of an enum."""
    return vol.All(vol.In([one.value for one in kind]), vol.Coerce(kind))


def text_of(value: object) -> str:
    """A text with something in it."""
    if not isinstance(value, str) or not value.strip() or len(value) > _TEXT_MAX:
        raise vol.Invalid(f"expected a text, got {show(value)}{'; put it in quotes' if value is not None else ''}")
    return value.strip()


def unit(value: object) -> str:
    """A unit; empty for a plain ratio."""
    if value == "":
        return ""
    return text_of(value)


def order(value: object) -> Order:
    """A word order that was found to be one."""
    return Order(str(value).lower())


def seconds(value: object) -> Decimal:
    """A duration in seconds, exactly."""
    return Decimal(duration(value) // timedelta(microseconds=1)).scaleb(-6)


def _is_short(number: Decimal) -> bool:
    return len(number.as_tuple().digits) <= _SCALE_DIGITS_MAX and abs(number.adjusted()) <= _SCALE_DIGITS_MAX


def line_format(value: object) -> str:
    """Data bits, parity, stop bits. Without quotes `8E1` is a number in YAML: eighty."""
    text = str(value).replace("E+", "E") if isinstance(value, Decimal) else value
    if not isinstance(text, str) or not _FORMAT.fullmatch(text):
        raise vol.Invalid(f"expected 8E1, 8N1, 8O1, 8E2, 8N2 or 8O2, got {show(value)}")
    return text


def scale(value: object) -> Decimal:
    """What the number on the wire is multiplied by."""
    number = decimal(value)
    if number == 0:
        raise vol.Invalid("a scale of 0 would make every value 0; leave it out for 1")
    if not _is_short(number):
        raise vol.Invalid(f"expected a scale of at most {_SCALE_DIGITS_MAX} digits, got {show(value)}")
    return number


def positive(value: object) -> Decimal:
    """A number above 0."""
    number = decimal(value)
    if number <= 0 or not _is_short(number):
        raise vol.Invalid(f"expected a number above 0 of at most {_SCALE_DIGITS_MAX} digits, got {show(value)}")
    return number


def suffixes(value: object) -> list[str]:
    """The ends of the names of points that lie in a row: `[l1, l2, l3]`, or `0-12`."""
    if isinstance(value, str) and (match := re.fullmatch(r"([0-9]{1,3})-([0-9]{1,3})", value)):
        value = list(range(int(match[1]), int(match[2]) + 1))
    if not isinstance(value, list) or not 0 < len(value) <= _REPEATS_MAX:
        raise vol.Invalid(f"expected a list such as [l1, l2, l3], or 0-12; at most {_REPEATS_MAX}")
    return [str(one) for one in value]


def pattern(value: object) -> str:
    """A regular expression that no empty text fits."""
    text = text_of(value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what means something else in a later Python is wrong now
            compiled = re.compile(text)
    except (re.error, RecursionError, OverflowError, Warning) as error:
        raise vol.Invalid(f"{show(text)} is no regular expression: {error}") from None
    if compiled.fullmatch(""):
        raise vol.Invalid(f"{show(text)} fits an empty text, so a meter without a serial number would pass")
    return text


def frame_bytes(value: object) -> bytes:
    """A frame in hexadecimal, spaces allowed."""
    try:
        data = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        data = b""
    if not 4 <= len(data) <= _BYTES_MAX:
        raise vol.Invalid(
            f"expected a whole frame in hexadecimal such as '01 03 00 82 00 02 64 23', got {show(value)}"
        )
    return data


def expected(value: object) -> Decimal | str | None:
    """What a frame is expected to say."""
    return value if value is None or isinstance(value, str) else decimal(value)


def one_or_many(value: object) -> object:
    """A list of one, for a value that stands alone."""
    return value if isinstance(value, list) else [value]
