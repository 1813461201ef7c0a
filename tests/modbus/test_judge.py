"""The judge of counters: honest growth passes, all else is held until it is believable, nothing is guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hub.contracts.metering import EpochHint
from hub.contracts.profiles import Counter
from plugins.kpm_modbus.judge import Belief, Believed, judge

# 69 kW at most; the register counts hundredths of a kWh and has six digits.
COUNTER = Counter(modulus_raw=1_000_000, scale=-2, rate_max_per_h=Decimal(69))
MINUTE_US = 60_000_000

Looks = list[tuple[int, Belief, EpochHint]]


@pytest.mark.parametrize(
    ("case", "first", "looks"),
    [
        (
            "honest growth",
            1000,
            [(1100, Belief.TAKE, EpochHint.CONTINUES), (1100, Belief.TAKE, EpochHint.CONTINUES)],
        ),
        (
            "a transient zero is held and forgotten",
            3737,
            [(0, Belief.HOLD, EpochHint.CONTINUES), (3746, Belief.TAKE, EpochHint.CONTINUES)],
        ),
        (
            "a fall is a reset only after three looks",
            2636,
            [
                (0, Belief.HOLD, EpochHint.CONTINUES),
                (1, Belief.HOLD, EpochHint.CONTINUES),
                (2, Belief.TAKE, EpochHint.RESET),
            ],
        ),
        ("a rollover", 999_950, [(30, Belief.TAKE, EpochHint.ROLLOVER)]),
        ("a fall from below nine tenths is no rollover", 800_000, [(30, Belief.HOLD, EpochHint.CONTINUES)]),
        ("a rollover that would be too much is none", 950_000, [(900, Belief.HOLD, EpochHint.CONTINUES)]),
        (
            "a jump is believed when a second look goes on from it",
            1000,
            [(50_000, Belief.HOLD, EpochHint.CONTINUES), (50_010, Belief.TAKE, EpochHint.CONTINUES)],
        ),
        (
            "two jumps that do not agree are both held",
            1000,
            [(50_000, Belief.HOLD, EpochHint.CONTINUES), (90_000, Belief.HOLD, EpochHint.CONTINUES)],
        ),
    ],
)
def test_a_register_looked_at_once_a_minute(case: str, first: int, looks: Looks) -> None:
    before: Believed | None = None
    verdict = judge(first, 0, before, COUNTER)
    assert (verdict.belief, verdict.hint) == (Belief.TAKE, EpochHint.FIRST)
    before = verdict.believed
    for minute, (raw, belief, hint) in enumerate(looks, start=1):
        verdict = judge(raw, minute * MINUTE_US, before, COUNTER)
        assert (verdict.belief, verdict.hint) == (belief, hint), f"{case}, look {minute}"
        before = verdict.believed


def test_a_fall_that_three_looks_see_within_seconds_is_held_until_it_has_lasted() -> None:
    before = Believed(raw=2636, monotonic_us=0)
    for look_us in (60_000_000, 60_100_000, 60_200_000, 63_500_000):
        verdict = judge(0, look_us, before, COUNTER)
        assert verdict.belief is Belief.HOLD
        before = verdict.believed
    verdict = judge(0, 64_000_000, before, COUNTER)
    assert (verdict.belief, verdict.hint) == (Belief.TAKE, EpochHint.RESET)


def test_what_is_plausible_grows_with_time_and_no_more() -> None:
    before = Believed(raw=0, monotonic_us=0)
    most_in_an_hour = int(Decimal(69) * Decimal("1.2") * 100) + 1
    assert judge(most_in_an_hour, 60 * MINUTE_US, before, COUNTER).belief is Belief.TAKE
    assert judge(most_in_an_hour + 1, 60 * MINUTE_US, before, COUNTER).belief is Belief.HOLD


def test_an_unchanged_good_read_keeps_the_window_small() -> None:
    """Without the fresh stamp, days with the relay open would make any garbage plausible."""
    before = judge(5000, 0, None, COUNTER).believed
    for hour in range(1, 100):
        before = judge(5000, hour * 60 * MINUTE_US, before, COUNTER).believed
    assert judge(5000 + 20_000, 100 * 60 * MINUTE_US, before, COUNTER).belief is Belief.HOLD


def test_with_the_relay_open_hardly_anything_can_have_flowed() -> None:
    before = Believed(raw=5000, monotonic_us=0)
    assert judge(5001, 60 * MINUTE_US, before, COUNTER, relay_was_open=True).belief is Belief.TAKE
    assert judge(5002, 60 * MINUTE_US, before, COUNTER, relay_was_open=True).belief is Belief.HOLD


def test_a_held_value_never_moves_what_is_believed() -> None:
    verdict = judge(90_000, MINUTE_US, Believed(raw=1000, monotonic_us=0), COUNTER)
    assert (verdict.believed.raw, verdict.believed.monotonic_us) == (1000, 0)
    assert "grew by more than" in verdict.reason
