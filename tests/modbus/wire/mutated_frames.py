"""Frames mutated at random, and what a link makes of them; for the tests, and for the figures that are printed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from wire_peers import mbap_reply, read, read_coils, rtu_exception, rtu_reply, write, write_coil

from hub.contracts.links import Failure, Request
from hub.core.ids import SeededIds
from plugins.kpm_modbus.wire.frames import Answer
from plugins.kpm_modbus.wire.mbap import MbapExpectation, MbapStream
from plugins.kpm_modbus.wire.rtu import RtuExpectation, rtu_frame

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - its type; SeededIds makes it


def some_request(random: Random) -> Request:
    kind, unit = random.random(), random.randint(1, 247)
    if kind < 0.7:
        return read(random.randint(0, 0xFF00), random.choice((1, 2, 2, 7, 60)), unit)
    if kind < 0.8:
        return read_coils(random.randint(0, 0xFF00), random.choice((1, 3, 20, 24)), unit)
    if kind < 0.9:
        return write(random.randint(0, 0xFF00), random.getrandbits(16), unit)
    return write_coil(random.randint(0, 0xFF00), random.getrandbits(1), unit)


def mutate(frame: bytes, random: Random) -> bytes:
    """The frame with 1 to 3 things done to it that happen on a wire."""
    data = bytearray(frame)
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(data)) if data else 0
        match random.randrange(9):
            case 0 | 1 if data:
                data[place] ^= 1 << random.randrange(8)
            case 2 if data:
                data[place] = random.getrandbits(8)
            case 3:
                data.insert(place, random.getrandbits(8))
            case 4 if data:
                del data[place]
            case 5:
                del data[place:]
            case 6:
                data[place:place] = random.randbytes(random.randint(1, 12))
            case 7:  # another meter's frame before, inside or after it
                foreign = rtu_frame(
                    random.choice([unit for unit in (9, 200) if unit != frame[0]]),
                    b"\x03\x04" + random.randbytes(4),
                )
                data[random.choice((0, place, len(data))) : 0] = foreign
            case _:
                data[place : place + 2] = reversed(data[place : place + 2])
    return bytes(data)


def chunks(data: bytes, random: Random) -> list[bytes]:
    if random.random() < 0.5 or len(data) < 2:
        return [data]
    cut = random.randrange(1, len(data))
    return [data[:cut], data[cut:]]


def rtu_verdicts(frames: int) -> Counter[str]:
    """How many mutated RTU frames were taken rightly or wrongly, and how the others were told apart."""
    random = SeededIds(20261121).random
    verdicts: Counter[str] = Counter()
    for _ in range(frames):
        request = some_request(random)
        expectation = RtuExpectation(request, has_echo=random.random() < 0.1)
        honest = rtu_reply(expectation.frame)
        if random.random() < 0.05:
            honest = rtu_exception(expectation.frame, random.choice((1, 2, 4, 6)))
        answer = None
        for chunk in chunks(mutate(honest, random), random):
            answer = expectation.feed(chunk)
            if answer is not None:
                break
        expectation.noise()
        if answer is None:
            verdicts[expectation.verdict().value] += 1
        else:
            verdicts["right" if answer.frame == honest else "wrong"] += 1
    return verdicts


def mbap_verdicts(frames: int) -> Counter[str]:
    """The same with Modbus TCP, which has no checksum of its own: `wrong` answers another request or unit."""
    random = SeededIds(20261122).random
    stream = MbapStream()
    verdicts: Counter[str] = Counter()
    for _ in range(frames):
        expectation = MbapExpectation(some_request(random), stream)
        outcome: Answer | Failure | None = None
        for chunk in chunks(mutate(mbap_reply(expectation.frame), random), random):
            outcome = expectation.feed(chunk)
            if outcome is not None:
                break
        if stream.is_broken or random.random() < 0.2:
            stream.restart()
        if isinstance(outcome, Answer):
            is_ours = outcome.frame[:2] == expectation.frame[:2] and outcome.frame[6] == expectation.frame[6]
            verdicts["answer" if is_ours else "wrong"] += 1
        else:
            verdicts[(outcome or expectation.verdict()).value] += 1
    return verdicts
