"""Checks a profile against its own example frames: whoever copies one from a meter has tested the profile."""

from __future__ import annotations

import struct
from decimal import Decimal

from hub.contracts.links import Function
from hub.contracts.profiles.faults import Faults, Path
from hub.contracts.profiles.model import Action, Check, Frame, Point, Profile, Step
from hub.contracts.profiles.words import Unencodable, Value, decode, encode, relay_position, serial_text
from hub.contracts.relays import Position
from hub.core.config import did_you_mean


def crc16(data: bytes) -> int:
    """The checksum of an RTU frame, which sends its low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def pdu_of(step: Step) -> bytes:
    """What is sent for a write, without unit address and checksum."""
    head = struct.pack(">BH", step.function, step.address)
    if step.function is Function.WRITE_COIL:
        return head + struct.pack(">H", 0xFF00 if step.values[0] else 0)
    if step.function is Function.WRITE_REGISTER:
        return head + struct.pack(">H", step.values[0])
    count = len(step.values)
    return head + struct.pack(f">HB{count}H", count, 2 * count, *step.values)


def check_frames(profile: Profile, faults: Faults) -> None:
    """Note every example frame that is broken, or that says something else than the profile makes of it."""
    checker = _Checker(profile, faults)
    for number, frame in enumerate(profile.frames):
        checker.check(frame, ("frames", number))


class _Checker:
    def __init__(self, profile: Profile, faults: Faults) -> None:
        self._faults = faults
        self._identity = profile.identity
        self._points = {point.name: point for point in profile.points}
        self._relays: dict[str, Check] = {}
        self._actions: dict[str, Action] = dict(profile.actions)
        if profile.relay is not None:
            self._relays["relay"] = profile.relay
        for channel in profile.channels:
            if channel.relay is not None:
                self._relays[f"{channel.name}_relay"] = channel.relay
            self._actions |= {f"{channel.name}_{name}": action for name, action in channel.actions.items()}

    def check(self, frame: Frame, path: Path) -> None:
        is_whole = True
        for key, data in (("request", frame.request), ("reply", frame.reply)):
            crc = struct.pack("<H", crc16(data[:-2]))
            if crc != data[-2:]:
                text = f"its CRC should be {crc.hex(' ').upper()}, not {data[-2:].hex(' ').upper()}"
                self._faults.add((*path, key), text)
                is_whole = False
        if not is_whole:
            return
        if frame.request[:2] != frame.reply[:2]:
            self._faults.add((*path, "reply"), "it is from another unit, or to another function, than the request")
            return
        if frame.request[1] in {1, 2, 3, 4}:
            self._check_read(frame, path)
        else:
            self._check_write(frame, path)

    def _check_write(self, frame: Frame, path: Path) -> None:
        name = frame.expect.get("action")
        action = self._actions.get(str(name))
        if action is None:
            text = "a frame that writes expects an action of the profile: {action: open} or {action: close}"
            self._faults.add((*path, "expect"), text)
            return
        wanted = pdu_of(action.command)
        if frame.request[1:-2] != wanted:
            self._faults.add((*path, "request"), f"the action {name} sends {wanted.hex(' ').upper()} instead")
        elif frame.reply[1:-2] != wanted[:5]:
            self._faults.add((*path, "reply"), "it does not repeat function, address and value of the request")

    def _check_read(self, frame: Frame, path: Path) -> None:
        body = frame.reply[3:-2]
        function = Function(frame.request[1])
        if len(frame.request) != 8 or frame.reply[2] != len(body) or (not function.reads_bits and len(body) % 2):
            self._faults.add((*path, "reply"), "its length does not fit, or the request's does not")
            return
        first, count = struct.unpack(">HH", frame.request[2:6])
        if len(body) != ((count + 7) // 8 if function.reads_bits else 2 * count):
            self._faults.add((*path, "reply"), f"{len(body)} bytes are no answer to a request for {count}")
            return
        words = _bits(body) if function.reads_bits else struct.unpack(f">{count}H", body)
        for name, value in frame.expect.items():
            problem = self._differs(name, value, function, first, words)
            if problem:
                self._faults.add((*path, "expect", name), problem)

    def _differs(self, name: str, value: Value, function: Function, first: int, words: tuple[int, ...]) -> str:
        """What is wrong with an expectation; empty when it is met."""
        relay = self._relays.get(name)
        target = relay or self._points.get(name)
        if self._identity is not None and name == "serial":
            target = self._identity.point
        if target is None:
            known = [*self._points, *self._relays, *(["serial"] if self._identity else [])]
            return f"the profile has no {name!r}.{did_you_mean(name, known)}"
        start = target.address - first
        own = words[max(start, 0) : start + target.count]
        if target.function is not function or start < 0 or len(own) < target.count:
            return f"{name} is not in this frame: it is {target.count} from 0x{target.address:04X} on"
        if relay is not None:
            return _relay_differs(relay, value, own)
        if self._identity is not None and name == "serial":
            found = serial_text(self._identity, own)
            return "" if found == str(value) else f"the serial number in the frame is {found!r}"
        return _point_differs(self._points[name], value, own)


def _relay_differs(relay: Check, value: Value, words: tuple[int, ...]) -> str:
    found = relay_position(relay, words)
    if value not in {position.value for position in Position}:
        return f"a relay is {', '.join(position.value for position in Position)}, not {value!r}"
    return "" if found.value == value else f"the relay in the frame is {found.value}"


def _point_differs(point: Point, value: Value, words: tuple[int, ...]) -> str:
    """Compared as words: a float's nearest decimal, such as 230.1, is written, not its 20 digits."""
    decoded = decode(point, words)
    if value is None or decoded.value is None:
        return "" if decoded.value is value else f"the frame says {_shown(decoded.value)}"
    if decoded.flaw is not None:
        return f"the frame says {_shown(decoded.value)}, which the profile finds {decoded.flaw.value}"
    if isinstance(value, Decimal) and value == value.to_integral_value() and isinstance(decoded.value, int):
        value = int(value)
    try:
        is_same = value == decoded.value or encode(point, value) == words
    except Unencodable:
        is_same = False
    return "" if is_same else f"the frame says {_shown(decoded.value)}"


def _shown(value: Value) -> str:
    return "no value" if value is None else f"{value:.9g}" if isinstance(value, Decimal) else repr(value)


def _bits(body: bytes) -> tuple[int, ...]:
    return tuple(byte >> place & 1 for byte in body for place in range(8))
