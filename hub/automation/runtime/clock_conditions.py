"""Conditions about the time of day and the sun."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, tzinfo
from typing import Literal, TypeAlias

from hub.automation.language.model import SunCondition, TimeCondition, TimeOrEntity
from hub.automation.runtime.doubt import AVAILABILITY, doubt
from hub.automation.runtime.truth import FALSE, TRUE, UNKNOWN, Truth, truth_of
from hub.automation.runtime.world import RuleWorld
from hub.core.states import State

Found: TypeAlias = tuple[Truth, str]

_LAST = time(23, 59, 59, 999_999)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def judge_time(condition: TimeCondition, world: RuleWorld, *, sees_text: bool) -> Found:
    """Whether the local time lies at or after the one and before the other, across midnight if need be."""
    now = world.local_now()
    after = _time_at(condition.after, world, sees_text=sees_text)
    before = _time_at(condition.before, world, sees_text=sees_text)
    for found in (after, before):
        if isinstance(found, tuple):
            return found
    assert not isinstance(after, tuple)
    assert not isinstance(before, tuple)
    start, end = after or time(0), before or _LAST
    clock = now.time()
    holds = start <= clock < end if start < end else not end <= clock < start
    said = f"it is {_DAYS[now.weekday()]} {now:%H:%M:%S}"
    if not holds:
        return FALSE, f"{said}, not between {start:%H:%M:%S} and {end:%H:%M:%S}"
    if condition.weekdays is not None and now.weekday() not in condition.weekdays:
        return FALSE, f"{said}, not on {', '.join(_DAYS[day] for day in sorted(condition.weekdays))}"
    return TRUE, said


def _time_at(bound: TimeOrEntity | None, world: RuleWorld, *, sees_text: bool) -> time | Found | None:
    if bound is None or isinstance(bound, time):
        return bound
    state = world.state(bound)
    if state is None:
        return UNKNOWN, f"unknown: {doubt(None, bound, 0)}"
    if not sees_text and (why := doubt(state, bound, world.now_us())):
        return UNKNOWN, f"unknown: {why}"
    if state.text in AVAILABILITY:
        return FALSE, f"{bound} is {state.text}"
    found = time_of(state, world.time_zone)
    if found is None:
        return FALSE if sees_text else UNKNOWN, f"{bound} is {state.text!r}, no time"
    return found


def time_of(state: State, time_zone: tzinfo) -> time | None:
    """The local time of day that a state tells: `07:30`, an instant, or the attributes of an `input_datetime`."""
    moment = instant_of(state, time_zone)
    return moment.timetz().replace(tzinfo=None) if isinstance(moment, datetime) else moment


def instant_of(state: State, time_zone: tzinfo) -> datetime | time | None:
    """The local instant or time of day that a state tells; None when it tells none."""
    attributes = state.attributes
    if "has_time" in attributes or "has_date" in attributes:
        return _of_parts(attributes, time_zone)
    text = state.text.strip()
    try:
        if len(text) <= len("23:59:59.999999") and ":" in text[1:3]:
            return time.fromisoformat(text.rjust(len("07:30"), "0") if text[1] == ":" else text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(time_zone) if moment.tzinfo else moment.replace(tzinfo=time_zone)


def _of_parts(attributes: Mapping[str, object], time_zone: tzinfo) -> datetime | time | None:
    def part(name: str) -> int:
        return int(str(attributes.get(name, 0)))

    try:
        clock = time(part("hour"), part("minute"), part("second")) if attributes.get("has_time") else time(0)
        if not attributes.get("has_date"):
            return clock if attributes.get("has_time") else None
        return datetime.combine(date(part("year"), part("month"), part("day")), clock, time_zone)
    except ValueError:
        return None


def judge_sun(condition: SunCondition, world: RuleWorld) -> Found:
    """Whether it is before or after today's sunrise or sunset."""
    times = world.sun()
    if times is None:
        return UNKNOWN, "unknown: nobody who knows when the sun rises is loaded now"
    now = world.local_now()
    events: set[Literal["sunrise", "sunset"]] = {event for event in (condition.before, condition.after) if event}
    instants = {event: times.time_of(event, now.date()) for event in events}
    said = []
    holds = True
    for word, event, offset in (
        ("before", condition.before, condition.before_offset),
        ("after", condition.after, condition.after_offset),
    ):
        if event is None:
            continue
        instant = instants[event]
        if instant is None:
            return FALSE, f"there is no {event} today"
        edge = (instant + offset).astimezone(world.time_zone)
        is_so = now < edge if word == "before" else now > edge
        holds = holds and is_so
        said.append(f"{'' if is_so else 'not '}{word} {edge:%H:%M:%S} ({event})")
    return truth_of(holds), f"it is {now:%H:%M:%S}, {' and '.join(said)}"
