"""Frames mutated at random: nothing crashes, and nothing wrong is taken but by a collision of the checksum.

A CRC of 16 bits lets one in 65,536 mutated frames through: none at all cannot be had at this level, and
plausibility stands behind it.
"""

from __future__ import annotations

import os

import pytest
from mutated_frames import mbap_verdicts, rtu_verdicts

FRAMES = {"quick": 20_000, "ci": 200_000, "full": 1_000_000}[os.environ.get("HUB_SUITE", "quick")]
WRONG_PER_MILLION_MAX = 30


@pytest.mark.long
@pytest.mark.timeout(900)
def test_mutated_rtu_frames_give_nothing_wrong() -> None:
    verdicts = rtu_verdicts(FRAMES)
    print(f"{FRAMES:,} mutated frames: {dict(verdicts.most_common())}")  # noqa: T201
    assert verdicts["wrong"] <= max(3, WRONG_PER_MILLION_MAX * FRAMES / 1_000_000)
    assert verdicts["right"] > FRAMES / 20  # what stood whole among strays was found
    assert {"bad_crc", "wrong_unit", "wrong_length", "no_reply"} <= set(verdicts)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_mutated_modbus_tcp_frames_break_nothing() -> None:
    """They have no checksum of their own: TCP's holds. What is told apart is whose reply it is."""
    verdicts = mbap_verdicts(FRAMES // 4)
    assert verdicts["wrong"] == 0
    assert {"answer", "wrong_unit", "wrong_function", "wrong_length", "wrong_transaction"} <= set(verdicts)
