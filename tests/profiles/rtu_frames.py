"""RTU frames built from the standard alone, to judge profiles and the product's code by something else."""

from __future__ import annotations

import struct
from decimal import Decimal

from hub.contracts.profiles import Action, Order, Point, WordType

CODES = {
    WordType.U16: "H",
    WordType.I16: "h",
    WordType.U32: "I",
    WordType.I32: "i",
    WordType.U64: "Q",
    WordType.I64: "q",
    WordType.F32: "f",
    WordType.F64: "d",
}


def checksum(data: bytes) -> bytes:
    """CRC-16 with the polynomial x^16 + x^15 + x^2 + 1, low byte first (Modbus over Serial Line V1.02, 6.2.2)."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            low = register & 1
            register >>= 1
            if low:
                register ^= 0xA001
    return bytes([register & 0xFF, register >> 8])


def read_request(function: int, address: int, count: int) -> bytes:
    body = bytes([1, function]) + address.to_bytes(2, "big") + count.to_bytes(2, "big")
    return body + checksum(body)


def read_reply(function: int, data: bytes) -> bytes:
    body = bytes([1, function, len(data)]) + data
    return body + checksum(body)


def write_request(action: Action) -> bytes:
    step = action.command
    body = bytes([1, step.function]) + step.address.to_bytes(2, "big")
    if step.function == 5:
        body += b"\xff\x00" if step.values[0] else b"\0\0"
    elif step.function == 6:
        body += step.values[0].to_bytes(2, "big")
    else:
        body += len(step.values).to_bytes(2, "big") + bytes([2 * len(step.values)])
        body += b"".join(value.to_bytes(2, "big") for value in step.values)
    return body + checksum(body)


def write_reply(action: Action) -> bytes:
    body = write_request(action)[:6]
    return body + checksum(body)


def bytes_of(point: Point, value: Decimal) -> bytes:
    """A number as a meter sends it."""
    stored = value / point.scale
    code = CODES[point.type]
    data = struct.pack(">" + code, float(stored) if code in "fd" else int(stored))
    if point.order is Order.CDAB:
        return data[2:] + data[:2] if len(data) == 4 else data[6:] + data[4:6] + data[2:4] + data[:2]
    assert point.order is Order.ABCD, "no shipped profile needs another order"
    return data
