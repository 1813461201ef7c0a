"""Triggers by the clock: local times, patterns, nights when clocks change, and times that were missed."""

from __future__ import annotations

import json
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from rule_house import House

from hub.automation.rehearse.replay import replay
from hub.automation.runtime.schedule import DailyTime, Pattern
from hub.automation.runtime.strategies import HOME_ASSISTANT, OURS, Strategies
from hub.core.clock import from_us, to_us
from hub.core.states import BAD
from hub.sim.rehearsal import rehearse
from hub.testing.harness import HubHarness

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # half an hour back and forth
ANY = tuple(range(60))


def rule(trigger: str, more: str = "") -> str:
    """A rule with a trigger by the clock."""
    return f"- id: a\n  triggers: [{{{trigger}}}]\n{more}  actions: [{{action: test.fired}}]\n"


async def at(hub: HubHarness, local: str, zone: ZoneInfo = BERLIN, strategies: Strategies = OURS) -> House:
    """A house in which it is this local time."""
    instant = datetime.fromisoformat(local).replace(tzinfo=zone)
    hub.clock.step((to_us(instant) - hub.clock.now_us()) / 1e6)
    await hub.advance(120)  # the clock guard has seen it
    hub.clock.step(-120)
    house = House(hub, strategies)
    house.time_zone = zone
    return house


def local(us: int, zone: ZoneInfo = BERLIN) -> str:
    """An instant as a local time with its offset."""
    return from_us(us).astimezone(zone).isoformat()


NIGHTS: list[tuple[str, str, bool, list[str]]] = [
    ("left out: at the moment of the change", "2026-03-28T12:00", True,
     ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
    ("left out: not at all in Home Assistant", "2026-03-28T12:00", False,
     ["2026-03-30T02:30:00+02:00", "2026-03-31T02:30:00+02:00"]),
    ("twice: the first counts", "2026-10-24T12:00", True,
     ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
    ("twice: both in Home Assistant", "2026-10-24T12:00", False,
     ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "is_once", "wanted"), [row[1:] for row in NIGHTS], ids=[row[0] for row in NIGHTS]
)
@pytest.mark.parametrize("kind", ["time", "pattern"])
def test_a_local_time_on_nights_when_clocks_change(kind: str, start: str, is_once: bool, wanted: list[str]) -> None:
    recurrence = (
        DailyTime(time(2, 30), BERLIN, is_once) if kind == "time" else Pattern((2,), (30,), (0,), BERLIN, is_once)
    )
    us = to_us(datetime.fromisoformat(start).replace(tzinfo=BERLIN))
    found = []
    for _ in wanted:
        following = recurrence.next_us(us)
        assert following is not None
        us = following
        found.append(local(us))
    assert found == wanted


def test_a_pattern_without_hours_goes_by_real_time_on_those_nights() -> None:
    pattern = Pattern(tuple(range(24)), (0, 30), (0,), BERLIN, is_once=True)
    for night in ("2026-03-29T00:00", "2026-10-25T00:00"):
        us = to_us(datetime.fromisoformat(night).replace(tzinfo=BERLIN))
        for _ in range(10):
            following = pattern.next_us(us)
            assert following == us + 1_800_000_000
            us = following


def test_a_gap_of_half_an_hour_is_one_too() -> None:
    daily = DailyTime(time(2, 15), LORD_HOWE, is_once=True)
    us = to_us(datetime(2026, 10, 3, 12, tzinfo=LORD_HOWE))
    assert local(daily.next_us(us) or 0, LORD_HOWE) == "2026-10-04T02:30:00+11:00"
    pattern = Pattern((2,), (15,), (0,), LORD_HOWE, is_once=True)
    assert local(pattern.next_us(us) or 0, LORD_HOWE) == "2026-10-04T02:30:00+11:00"


def test_a_pattern_that_never_comes_is_found_out() -> None:
    assert Pattern((), ANY, ANY, BERLIN, is_once=True).next_us(0) is None


PATTERNS: list[tuple[str, list[str]]] = [
    ("seconds: /30", ["08:58:30", "08:59:00", "08:59:30"]),
    ("minutes: /2", ["09:00:00", "09:02:00"]),
    ("hours: '*'", ["09:00:00", "10:00:00"]),
    ("minutes: 3, seconds: 15", ["09:03:15", "10:03:15"]),
    ("hours: 7", ["07:00:00", "07:00:00"]),
]


@pytest.mark.parametrize(("keys", "wanted"), PATTERNS)
async def test_a_pattern(hub: HubHarness, keys: str, wanted: list[str]) -> None:
    house = await at(hub, "2026-05-04T08:58:20")
    await house.start(rule(f"trigger: time_pattern, {keys}"))
    for _ in range(400):
        if len(house.fired.firings) >= len(wanted):
            break
        await house.advance(600)
    shown = [firing.trigger_data["now"].strftime("%H:%M:%S") for firing in house.fired.firings]  # type: ignore[attr-defined]
    assert shown[: len(wanted)] == wanted


async def test_a_time_fires_each_day_once(hub: HubHarness) -> None:
    house = await at(hub, "2026-05-04T06:00:00")
    await house.start(rule('trigger: time, at: ["07:30", "22:00:05"]'))
    await house.advance("3 days")
    assert [local(firing.at_us)[5:19] for firing in house.fired.firings] == [
        "05-04T07:30:00", "05-04T22:00:05", "05-05T07:30:00", "05-05T22:00:05", "05-06T07:30:00", "05-06T22:00:05",
    ]  # fmt: skip


async def test_both_nights_of_a_year_in_a_running_hub(hub: HubHarness) -> None:
    house = await at(hub, "2026-03-28T20:00:00")
    await house.start(rule('trigger: time, at: "02:30"'))
    await house.advance("12 h")
    assert [local(firing.at_us) for firing in house.fired.firings] == ["2026-03-29T03:00:00+02:00"]
    house.fired.take()
    hub.clock.step(to_us(datetime(2026, 10, 24, 20, tzinfo=BERLIN)) / 1e6 - hub.clock.now_us() / 1e6)
    await house.advance(300)
    house.fired.take()
    await house.advance("12 h")
    assert [local(firing.at_us) for firing in house.fired.firings] == ["2026-10-25T02:30:00+02:00"]


CATCH_UP: list[tuple[str, str, str, list[int]]] = [
    ("missed by ten minutes: made up for", "10 min", "", [600 - 30]),
    ("missed by an hour: too late", "1 h", "", []),
    ("missed by an hour, and two are allowed", "1 h", "  catch_up: {hours: 2}\n", [3600 - 30]),
    ("missed for three days: by the last of them", "3 days 30 s", "", [0]),
]


@pytest.mark.parametrize(("down", "more", "late"), [row[1:] for row in CATCH_UP], ids=[row[0] for row in CATCH_UP])
@pytest.mark.parametrize("trigger", ['trigger: time, at: "07:30"', "trigger: time_pattern, hours: 7, minutes: 30"])
async def test_a_time_that_was_missed_while_the_hub_was_down(
    hub: HubHarness, trigger: str, down: str, more: str, late: list[int]
) -> None:
    house = await at(hub, "2026-05-04T07:29:30")
    await house.start(rule(trigger, more))
    await house.restart(down=down)
    assert [firing.trigger_data["late_s"] for firing in house.fired.firings] == late
    if not late:
        assert [note.kind for note in house.fired.notes] == ["missed"]
    house.fired.take()
    await house.restart()
    assert house.fired.take() == [], "once"
    await house.advance("1 day")
    assert house.fired.take() == [None]


async def test_what_fired_in_time_is_not_made_up_for(hub: HubHarness) -> None:
    house = await at(hub, "2026-05-04T07:29:30")
    await house.start(rule('trigger: time, at: "07:30"'))
    await house.advance(60)
    assert house.fired.take() == [None]
    await house.restart(down=60)
    assert house.fired.take() == []


async def test_another_time_is_not_made_up_for(hub: HubHarness) -> None:
    house = await at(hub, "2026-05-04T07:29:30")
    await house.start(rule('trigger: time, at: "07:30"'))
    await house.restart(rule('trigger: time, at: "07:31"'), down=300)
    assert house.fired.take() == []


async def test_home_assistant_makes_up_for_nothing(hub: HubHarness) -> None:
    house = await at(hub, "2026-05-04T07:29:30", strategies=HOME_ASSISTANT)
    await house.start(rule('trigger: time, at: "07:30"'))
    await house.restart(down=300)
    assert house.fired.take() == []


async def test_a_clock_that_is_set_back_fires_no_time_twice(hub: HubHarness) -> None:
    house = await at(hub, "2026-05-04T07:29:30")
    await house.start(rule('trigger: time, at: "07:30"'))
    await house.advance(60)
    hub.clock.step(-600)
    await house.advance(900)
    assert house.fired.take() == [None]


async def test_an_entity_holds_the_time(hub: HubHarness) -> None:
    house = await at(hub, "2026-05-04T07:00:00")
    await house.set("input_datetime.t", "07:30")
    await house.set("sensor.i", "2026-05-04T08:00:00+02:00")
    await house.start(rule("trigger: time, at: [input_datetime.t, {entity_id: sensor.i, offset: '-00:05:00'}]"))
    await house.advance("30 min")
    assert house.fired.take() == ["input_datetime.t"]
    await house.set("input_datetime.t", "07:40:30")
    await house.advance("10 min 30 s")
    assert house.fired.take() == ["input_datetime.t"]
    await house.set("sensor.i", None, quality=BAD)
    await house.advance("1 h")
    assert house.fired.take() == ["sensor.i"], "a blip does not make the time unknown"
    await house.advance("23 h")
    assert house.fired.take() == ["input_datetime.t"]


async def test_an_entity_that_holds_no_time_fires_nothing(hub: HubHarness) -> None:
    house = await at(hub, "2026-05-04T07:00:00")
    await house.set("sensor.i", "soon")
    await house.start(rule("trigger: time, at: sensor.i"))
    await house.advance("2 days")
    assert house.fired.take() == []


async def test_a_time_of_a_template(hub: HubHarness) -> None:
    house = await at(hub, "2026-05-04T07:00:00")
    await house.start(rule("trigger: time, at: '{{ hour }}:15'", "  trigger_variables: {hour: '07'}\n"))
    await house.advance("1 h")
    assert house.fired.take() == [None]


@pytest.mark.parametrize("home_assistant", [False, True])
def test_an_offset_from_an_instant_is_real_time_on_the_night_of_the_doubled_hour(home_assistant: bool) -> None:
    moment = "2026-10-25T03:00:06+01:00"
    line = {"t": 0, "entity_id": "sensor.at", "state": moment, "attributes": {"device_class": "timestamp"}}
    rules = (
        '- id: a\n  triggers: [{trigger: time, at: {entity_id: sensor.at, offset: "-00:00:20"}}]\n'
        "  actions: [{action: test.ring}]\n"
    )
    calls = replay(
        rules, [json.dumps(line)], "2026-10-25T00:58:30+00:00", "Europe/Berlin", 7200, virtual_time=rehearse,
        home_assistant=home_assistant,
    )  # fmt: skip
    assert [call["t"] for call in calls] == [3676]
