"""Frames mutated at random: nothing crashes, and nothing wrong is taken but by a collision of the checksum.

A CRC of 16 bits lets one in 65,536 mutated frames through: none at all cannot be had at this level, and
plausibility stands behind it.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from wire_peers import mbap_reply, read, read_coils, rtu_exception, rtu_reply, write, write_coil

from hub.contracts.links import Failure, Request
from hub.core.ids import SeededIds
from plugins.kpm_modbus.wire.frames import Answer
from plugins.kpm_modbus.wire.mbap import MbapExpectation, MbapStream
from plugins.kpm_modbus.wire.rtu import RtuExpectation, rtu_frame

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - its type; SeededIds makes it

FRAMES = {"quick": 20_000, "ci": 200_000, "full": 1_000_000}[os.environ.get("HUB_SUITE", "quick")]
WRONG_PER_MILLION_MAX = 30


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


@pytest.mark.long
@pytest.mark.timeout(900)
def test_mutated_rtu_frames_give_nothing_wrong() -> None:
    random = SeededIds(20261121).random
    verdicts: Counter[str] = Counter()
    for _ in range(FRAMES):
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
    print(f"{FRAMES:,} mutated frames: {dict(verdicts.most_common())}")  # noqa: T201
    assert verdicts["wrong"] <= max(3, WRONG_PER_MILLION_MAX * FRAMES / 1_000_000)
    assert verdicts["right"] > FRAMES / 20  # what stood whole among strays was found
    assert {"bad_crc", "wrong_unit", "wrong_length", "no_reply"} <= set(verdicts)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_mutated_modbus_tcp_frames_break_nothing() -> None:
    """They have no checksum of their own: TCP's holds. What is told apart is whose reply it is."""
    random = SeededIds(20261122).random
    stream = MbapStream()
    outcomes: Counter[str] = Counter()
    for _ in range(FRAMES // 4):
        expectation = MbapExpectation(some_request(random), stream)
        outcome: Answer | Failure | None = None
        for chunk in chunks(mutate(mbap_reply(expectation.frame), random), random):
            outcome = expectation.feed(chunk)
            if outcome is not None:
                break
        if stream.is_broken or random.random() < 0.2:
            stream.restart()
        if isinstance(outcome, Answer):
            assert outcome.frame[:2] == expectation.frame[:2]
            assert outcome.frame[6] == expectation.frame[6]
            outcomes["answer"] += 1
        else:
            outcomes[(outcome or expectation.verdict()).value] += 1
    assert {"answer", "wrong_unit", "wrong_function", "wrong_length", "wrong_transaction"} <= set(outcomes)
