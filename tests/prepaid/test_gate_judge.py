"""The gate's judgement, one look after the other, with the traces that fooled others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugins.prepaid.gate.judge import Decision, Look, Nature, Standing, Verdict, fits_between, judge

S = 1_000_000
HOUR = 3600 * S
NOW = 1_800_000_000 * S
KWH_3 = Nature(open_raw=0, scale=0, ratio=(1, 1), modulus_raw=None, power_max_w=60_000)
"""A register in Wh on a circuit of 60 kW."""
SIX_DIGITS = replace(KWH_3, modulus_raw=1_000_000)


def watch(start_raw: int, looks: list[tuple[int, int]], nature: Nature = KWH_3) -> list[Verdict]:
    """Judge looks given as (seconds after the start, raw)."""
    standing = Standing(at_us=NOW, raw=start_raw)
    verdicts = []
    for after_s, raw in looks:
        verdict = judge(Look(at_us=NOW + after_s * S, raw=raw), standing, nature, now_us=NOW + after_s * S)
        standing = verdict.standing
        verdicts.append(verdict)
    return verdicts


def decisions(start_raw: int, looks: list[tuple[int, int]], nature: Nature = KWH_3) -> list[str]:
    return [verdict.decision.value for verdict in watch(start_raw, looks, nature)]


CASES = {
    "use goes on": (1000, [(60, 1500), (120, 1500), (180, 1900)], KWH_3, ["accept"] * 3),
    "a transient zero is held and forgotten": (3737, [(2, 0), (4, 3746)], KWH_3, ["hold", "accept"]),
    "two zeros are no reset yet": (3737, [(1, 0), (2, 0), (3, 3746)], KWH_3, ["hold", "hold", "accept"]),
    "three agreeing looks are a reset": (9000, [(1, 0), (2, 1), (3, 1), (4, 2)], KWH_3,
                                         ["hold", "hold", "new_epoch", "accept"]),
    "a fall that falls again begins its count anew": (9000, [(1, 10), (2, 5), (3, 5), (4, 6)], KWH_3,
                                                      ["hold", "hold", "hold", "new_epoch"]),
    "near the modulus it rolls over": (999_900, [(60, 300)], SIX_DIGITS, ["accept"]),
    "far from the modulus a fall is no rollover": (2636, [(60, 0)], SIX_DIGITS, ["hold"]),
    "a rollover that would be too much is none": (950_000, [(60, 40_000)], SIX_DIGITS, ["hold"]),
    "more than can flow is held": (1000, [(60, 60_000)], KWH_3, ["hold"]),
    "a jump does not become plausible by waiting": (1000, [(60, 60_000), (360_000, 60_010)], KWH_3,
                                                    ["hold", "hold"]),
    "a jump that was a garbled word is forgotten": (1000, [(60, 60_000), (120, 1100)], KWH_3, ["hold", "accept"]),
    "an older look is late": (1000, [(60, 1100), (30, 1050)], KWH_3, ["accept", "late"]),
    "the same instant is the same look": (1000, [(60, 1100), (60, 1100)], KWH_3, ["accept", "repeated"]),
}  # fmt: skip


@pytest.mark.parametrize(("start_raw", "looks", "nature", "expected"), CASES.values(), ids=CASES)
def test_what_becomes_of_each_look(
    start_raw: int, looks: list[tuple[int, int]], nature: Nature, expected: list[str]
) -> None:
    assert decisions(start_raw, looks, nature) == expected


def test_the_refoss_trace_uses_nine_watt_hours() -> None:
    """3.737, not available, 0.000, 3.746 kWh within seconds: 0.009 kWh, and no 3.746 (Refoss/refoss_rpc 14)."""
    last = watch(3737, [(2, 0), (4, 3746)])[-1].standing
    assert KWH_3.total_wh(last.raw, last.wraps) - 3737 == 9


def test_the_aidon_trace_counts_a_repeated_snapshot_once() -> None:
    """109552.248, 109554.016, the same again with the same meter clock, 109562.072 (amsreader-firmware 1119)."""
    nature = replace(KWH_3, open_raw=109_552_248)
    standing = Standing(at_us=NOW, raw=109_552_248, meter_us=0)
    decided = []
    for hour, (meter_hour, raw) in enumerate([(1, 109_554_016), (1, 109_554_016), (3, 109_562_072)], start=1):
        look = Look(at_us=NOW + hour * HOUR, raw=raw, meter_us=meter_hour * HOUR)
        verdict = judge(look, standing, nature, now_us=look.at_us)
        standing = verdict.standing
        decided.append(verdict.decision)
    assert decided == [Decision.ACCEPT, Decision.REPEATED, Decision.ACCEPT]
    assert nature.total_wh(standing.raw, standing.wraps) == 9824


def test_a_look_from_the_future_is_refused_and_changes_nothing() -> None:
    standing = Standing(at_us=NOW, raw=1000)
    verdict = judge(Look(at_us=NOW + HOUR, raw=1001), standing, KWH_3, now_us=NOW)
    assert (verdict.decision, verdict.standing) == (Decision.REFUSE, standing)
    assert verdict.reason == "its time is 3600 s in the future"


def test_only_a_jump_waits_for_a_person() -> None:
    [jump] = watch(1000, [(60, 60_000)])
    [fall] = watch(1000, [(60, 0)])
    assert (jump.is_implausible, fall.is_implausible) == (True, False)
    assert jump.reason == "59000 Wh since the last read, where 1102 Wh can have flowed"


def test_a_rollover_counts_on() -> None:
    [verdict] = watch(999_900, [(60, 300)], SIX_DIGITS)
    assert verdict.standing.wraps == 1
    assert SIX_DIGITS.total_wh(300, 1) - SIX_DIGITS.total_wh(999_900, 0) == 400


SCALES = {
    "Wh": (0, (1, 1), 1234, 1234),
    "hundredths of a kWh": (1, (1, 1), 1234, 12_340),
    "milliwatt-hours are floored": (-3, (1, 1), 1_999, 1),
    "a transformer of 200 to 5": (0, (200, 5), 1234, 49_360),
    "a ratio that does not divide": (-1, (3, 7), 100, 4),
}


@pytest.mark.parametrize(("scale", "ratio", "raw", "wh"), SCALES.values(), ids=SCALES)
def test_counts_become_watt_hours(scale: int, ratio: tuple[int, int], raw: int, wh: int) -> None:
    nature = Nature(open_raw=0, scale=scale, ratio=ratio, modulus_raw=None, power_max_w=1)
    assert nature.total_wh(raw, 0) == wh


def test_a_late_look_must_lie_between_its_neighbours() -> None:
    assert [fits_between(5, 4, 6), fits_between(5, 5, None), fits_between(3, 4, None), fits_between(7, 4, 6)] == [
        True, True, False, False,
    ]  # fmt: skip
