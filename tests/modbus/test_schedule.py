"""The schedule of a bus: who goes first, what is missed, and how much dead meters may cost."""

from __future__ import annotations

import pytest

from plugins.kpm_modbus.schedule import LOAD_MAX, Poll, Probe, Rank, Schedule, Turn, spread, stretch

Three = tuple[float, float, float]


def poll(job: str, due_s: float, period_s: float = 10.0, time_s: float = 0.1) -> Poll[str]:
    return Poll(job, period_s, due_s, time_s)


def taken(turn: Turn[str] | float) -> str:
    assert isinstance(turn, Turn)
    return turn.job


def test_commands_go_ahead_of_polls_and_power_back_ahead_of_power_off() -> None:
    schedule: Schedule[str] = Schedule(polls=[poll("poll", 0.0)])
    schedule.put_urgent("read", Rank.READ)
    schedule.put_urgent("open", Rank.OPEN)
    schedule.put_urgent("close 1", Rank.CLOSE)
    schedule.put_urgent("close 2", Rank.CLOSE)
    order = [taken(schedule.next(5.0)) for _ in range(5)]
    assert order == ["close 1", "close 2", "open", "read", "poll"]


def test_polls_go_by_the_earliest_deadline() -> None:
    late, early = poll("late", 3.0), poll("early", 1.0)
    schedule: Schedule[str] = Schedule(polls=[late, early])
    assert schedule.next(0.0) == pytest.approx(1.0)
    assert taken(schedule.next(5.0)) == "early"
    early.complete(5.1)
    assert taken(schedule.next(5.1)) == "late"


def test_a_late_poll_is_done_once_and_its_missed_periods_are_counted() -> None:
    one = poll("p", 0.0)
    one.complete(34.0)
    assert (one.done, one.missed, one.due_s, one.lateness_s) == (1, 3, 40.0, 34.0)
    one.complete(40.2)
    assert (one.done, one.missed, one.due_s) == (2, 3, 50.0)


def test_the_phase_of_a_poll_never_drifts() -> None:
    one = poll("p", 2.5)
    for turn in range(1000):
        one.complete(2.5 + 10 * turn + 0.3)
    assert one.due_s == 10_002.5
    assert one.missed == 0


def test_a_probe_that_ends_before_the_next_poll_is_free() -> None:
    schedule: Schedule[str] = Schedule(polls=[poll("p", 1.0)], probes={"m": Probe("probe", 0.4, 0.0)})
    assert taken(schedule.next(0.0)) == "probe"
    schedule.probes["m"].due_s = 0.5
    assert taken(schedule.next(0.5)) == "probe"


def test_on_a_full_bus_probes_take_a_twentieth_of_the_time() -> None:
    schedule: Schedule[str] = Schedule(polls=[poll("p", 0.0, period_s=0.1)], probes={"m": Probe("probe", 0.4, 0.0)})
    now, probing = 0.0, 0.0
    while now < 1000.0:
        turn = schedule.next(now)
        assert isinstance(turn, Turn)
        if turn.probe is not None:
            probing += 0.4
            now += 0.4
        else:
            assert turn.poll is not None
            now += 0.1
            turn.poll.complete(now)
    assert 0.04 <= probing / now <= 0.05


def test_with_nothing_to_do_it_says_how_long() -> None:
    schedule: Schedule[str] = Schedule()
    assert schedule.next(0.0) == float("inf")
    schedule.probes["m"] = Probe("probe", 0.4, 7.0)
    assert schedule.next(3.0) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("case", "loads", "expected"),
    [
        ("nothing to stretch", (0.3, 0.3, 0.1), (1, 1, 1)),
        ("the slow group gives way first", (0.5, 0.3, 0.2), (1, 1, 2)),
        ("the fast one never does", (1.2, 0.2, 0.1), (1, 10, 10)),
    ],
)
def test_overload_stretches_what_matters_least(case: str, loads: Three, expected: Three) -> None:
    by_group = dict(zip(("fast", "normal", "slow"), loads, strict=True))
    factors = stretch(by_group)
    assert tuple(factors.values()) == pytest.approx(expected), case
    if by_group["fast"] < LOAD_MAX:
        assert sum(load / factors[group] for group, load in by_group.items()) <= LOAD_MAX + 1e-9


def test_polls_of_one_period_are_spread_over_it() -> None:
    polls = [poll(str(place), 0.0) for place in range(4)]
    spread(polls, start_s=100.0)
    assert [one.due_s for one in polls] == [100.0, 102.5, 105.0, 107.5]


def test_the_planned_load_is_time_over_period() -> None:
    schedule: Schedule[str] = Schedule(polls=[poll("a", 0, 10, 1), poll("b", 0, 5, 1)])
    assert schedule.load == pytest.approx(0.3)


def test_no_probe_begins_while_a_command_waits_for_its_relay() -> None:
    schedule: Schedule[str] = Schedule(polls=[poll("p", 5.0)])
    schedule.probes["m"] = Probe("probe", 0.4, 0.0)
    assert schedule.next(0.0, is_commanding=True) == pytest.approx(5.0)
    assert taken(schedule.next(0.0)) == "probe"


def test_a_due_poll_is_not_held_up_by_a_probe_that_may_not_begin() -> None:
    schedule: Schedule[str] = Schedule(polls=[poll("p", 0.0)])
    schedule.probes["m"] = Probe("probe", 0.4, -1.0)
    assert taken(schedule.next(0.0, is_commanding=True)) == "p"
