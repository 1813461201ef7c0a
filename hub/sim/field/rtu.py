"""Modbus frames on a serial line, from the meter's side: checksum, requests taken apart, replies put together.

Written on its own, and not shared with the field layer: the two check each other.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hub.contracts.links import Function, Request
from hub.sim.field.image import ILLEGAL_FUNCTION, ILLEGAL_VALUE, Refused

BROADCAST = 0
_SHORTEST, _LONGEST = 4, 256


def _table() -> tuple[int, ...]:
    entries = []
    for entry in range(256):
        for _ in range(8):
            entry = entry >> 1 ^ 0xA001 if entry & 1 else entry >> 1
        entries.append(entry)
    return tuple(entries)


_TABLE = _table()


def crc16(data: bytes | bytearray) -> int:
    """The checksum of Modbus RTU."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def sealed(body: bytes) -> bytes:
    """A frame: unit, function and what follows, with the checksum at its end, low byte first."""
    return body + crc16(body).to_bytes(2, "little")


def is_sound(frame: bytes | bytearray) -> bool:
    """Whether a frame's checksum is right."""
    return len(frame) >= _SHORTEST and crc16(frame[:-2]) == frame[-1] << 8 | frame[-2]


def request_length(heard: bytes | bytearray) -> int | None:
    """How long the request that begins here is; None while that, or its end, cannot be known yet."""
    if len(heard) < 2:
        return None
    if 1 <= heard[1] <= 6:
        return 8
    if heard[1] in {15, 16}:
        return 9 + heard[6] if len(heard) > 6 else None
    return None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request off the wire, with what could be made of it."""

    unit: int
    code: int
    """The function code as sent."""
    request: Request | None
    refused: Refused | None = None
    """Why it is not one that any meter could obey."""


def asked_from(unit: int, pdu: bytes) -> Asked:
    """Take apart function code and what follows it; never raises."""
    code = pdu[0] if pdu else 0
    try:
        function = Function(code)
    except ValueError:
        return Asked(unit, code, None, Refused(ILLEGAL_FUNCTION, f"function {code} is not known here"))
    try:
        return Asked(unit, code, _request(unit, function, pdu))
    except (struct.error, ValueError) as error:
        return Asked(unit, code, None, Refused(ILLEGAL_VALUE, f"a broken request for function {code}: {error}"))


def _request(unit: int, function: Function, pdu: bytes) -> Request:
    address, number = struct.unpack_from(">HH", pdu, 1)
    if function is Function.WRITE_COIL:
        if number not in {0x0000, 0xFF00}:
            raise ValueError(f"a coil is written with FF00 or 0000, not {number:04X}")
        return Request(unit=unit, function=function, address=address, values=(int(number == 0xFF00),))
    if function is Function.WRITE_REGISTER:
        return Request(unit=unit, function=function, address=address, values=(number,))
    if function is not Function.WRITE_REGISTERS:
        return Request(unit=unit, function=function, address=address, count=number)
    if not 1 <= number <= 123 or pdu[5] != 2 * number or len(pdu) != 6 + 2 * number:
        raise ValueError(f"{number} registers in {len(pdu)} bytes")
    values = struct.unpack_from(f">{number}H", pdu, 6)
    return Request(unit=unit, function=function, address=address, count=number, values=values)


def echo_of(request: Request) -> bytes:
    """What follows the function code in the reply to a write that was obeyed."""
    if request.function is Function.WRITE_COIL:
        return struct.pack(">HH", request.address, 0xFF00 if request.values[0] else 0)
    if request.function is Function.WRITE_REGISTER:
        return struct.pack(">HH", request.address, request.values[0])
    return struct.pack(">HH", request.address, request.count)


def packed_bits(bits: list[int]) -> bytes:
    """Bits in bytes, the first lowest."""
    number = sum(bit << place for place, bit in enumerate(bits))
    return number.to_bytes((len(bits) + 7) // 8, "little")
