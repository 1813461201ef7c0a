"""Time triggers and patterns: what comes next is kept, so that a time that was missed can be made up for."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from hub.automation.language.model import EntityTime, TimePatternTrigger, TimeTrigger
from hub.automation.runtime.clock_conditions import instant_of
from hub.automation.runtime.contract import TriggerError
from hub.automation.runtime.doubt import AVAILABILITY, span_text
from hub.automation.runtime.schedule import DailyTime, OnceAt, Pattern, Recurrence, last_in
from hub.automation.runtime.timers import Alarm
from hub.automation.runtime.triggers.setting import Live, Setting, Shot
from hub.automation.templates import Template
from hub.core.clock import from_us, to_us
from hub.core.states import ENTITY_ID, GOOD, State, StateChanged

LATE_US = 1_000_000
"""An alarm that rings later than this was missed: the hub was down, or the clock was set."""


AFTER_START_US = 10


class Entry:
    """One recurring time of a trigger."""

    __slots__ = ("alarm", "entity_id", "key", "plan", "recurrence", "said")

    def __init__(self, key: str, plan: str, recurrence: Recurrence, said: str, entity_id: str | None) -> None:
        """Made by `Times`."""
        self.key = key
        self.plan = plan
        self.recurrence = recurrence
        self.said = said
        self.entity_id = entity_id
        self.alarm: Alarm | None = None


class Times(Live):
    """What all triggers by the clock share."""

    def __init__(self, setting: Setting, platform: str) -> None:
        """Start without any time."""
        super().__init__(setting)
        self._platform = platform
        self._entries: dict[str, Entry] = {}
        self.world = setting.around.world
        self.is_ours = setting.around.strategies.durable_timers
        setting.undo.append(self._stop)

    def first_look(self) -> None:
        """Make up for what was missed, if it is not too long ago, and wait for what comes next."""
        for entry in list(self._entries.values()):
            self._take_up(entry)
        for key in [key for key in self.setting.shelf.times if key not in self._entries]:
            self.setting.shelf.drop_time(key)
        self.setting.save()

    def add(self, entry: Entry) -> None:
        """Wait for a time."""
        self.remove(entry.key)
        self._entries[entry.key] = entry

    def remove(self, key: str) -> None:
        """Wait for it no longer."""
        entry = self._entries.pop(key, None)
        if entry is not None and entry.alarm is not None:
            entry.alarm.cancel()

    def plan(self, entry: Entry, after_us: int) -> None:
        """Wait for the next time after an instant."""
        due_us = entry.recurrence.next_us(after_us)
        if due_us is None:
            self.setting.shelf.drop_time(entry.key)
            return
        self.setting.shelf.keep_time(entry.key, entry.plan, due_us)
        # In Home Assistant it may be the second that has begun: it rings after all that belongs to the start.
        rings_us = due_us if self.is_ours else max(due_us, self.world.now_us() + AFTER_START_US)
        entry.alarm = self.setting.around.alarms.at(rings_us, lambda: self._ring(entry, due_us))

    def _take_up(self, entry: Entry) -> None:
        now_us = self.world.now_us()
        kept = self.setting.shelf.times.get(entry.key)
        if kept is None or kept[0] != entry.plan or kept[1] > now_us or self.setting.start != "start":
            # In Home Assistant the second that it is now counts too, though it has begun.
            is_daily = not self.is_ours and not isinstance(entry.recurrence, OnceAt)
            self.plan(entry, now_us - now_us % 1_000_000 - 1 if is_daily else now_us)
        else:
            self._ring(entry, kept[1])

    def _ring(self, entry: Entry, due_us: int) -> None:
        now_us = self.world.now_us()
        if self.is_ours and now_us - due_us > LATE_US:
            self._missed(entry, due_us, now_us)
            return
        self.plan(entry, max(due_us, now_us))
        self._fire(entry, due_us, now_us)

    def _missed(self, entry: Entry, due_us: int, now_us: int) -> None:
        """Several times that were missed count once, by the last of them."""
        since_us = max(due_us - 1, now_us - self.setting.catch_up_s * 1_000_000 - 1)
        last_us = last_in(entry.recurrence, since_us, now_us)
        self.plan(entry, now_us)
        if last_us is not None:
            self._fire(entry, last_us, now_us)
            return
        self.setting.note(
            "missed",
            f"its time was {span_text(now_us - due_us)} ago while the hub was down or its clock was set, and "
            f"catch_up is {span_text(self.setting.catch_up_s * 1_000_000)}",
            entry.entity_id,
        )
        self.setting.save()

    def _fire(self, entry: Entry, due_us: int, now_us: int) -> None:
        late_us = max(0, now_us - due_us)
        data = self.setting.data(
            self._platform, now=from_us(due_us).astimezone(self.world.time_zone), description=entry.said
        )
        if self._platform == "time":
            data["entity_id"] = entry.entity_id
        data["late_s"] = late_us // 1_000_000
        self.setting.fire(Shot(data, entry.entity_id, late_us=late_us))

    def _stop(self) -> None:
        for key in list(self._entries):
            self.remove(key)


class AtTimes(Times):
    """Local times of day, and entities that hold a time or an instant."""

    def __init__(self, setting: Setting, trigger: TimeTrigger) -> None:
        """Find out what is meant; raises `TriggerError` for a template that gives no time."""
        super().__init__(setting, "time")
        for index, written in enumerate(trigger.at):
            at = self._given(written) if isinstance(written, Template) else written
            if isinstance(at, time):
                self.add(Entry(str(index), f"at {at}", self._daily(at), "time", None))
            else:
                self._follow(str(index), at)

    def _daily(self, at: time) -> Recurrence:
        return DailyTime(at, self.world.time_zone, self.is_ours)

    def _given(self, template: Template) -> time | EntityTime:
        text = str(self.setting.rendered(template, "at"))
        try:
            return time.fromisoformat(text)
        except ValueError:
            if ENTITY_ID.fullmatch(text):
                return EntityTime(entity_id=text)
        raise TriggerError(
            f'{self.setting.where}: `at` gave {text!r}; it must give a time such as "07:30", '
            "or an entity that holds one"
        )

    def _follow(self, key: str, at: EntityTime) -> None:
        """Wait for the time that an entity holds, and for another one when it changes."""

        def changed(event: StateChanged) -> None:
            if self._put(key, at, event.new):
                entry = self._entries.get(key)
                if entry is None:
                    self.setting.shelf.drop_time(key)
                else:
                    self.plan(entry, self.world.now_us() - 1)
                self.setting.save()

        bus = self.setting.around.hub.bus
        self.setting.undo.append(bus.subscribe(StateChanged, changed, key=at.entity_id))
        self._put(key, at, self.world.state(at.entity_id))

    def _put(self, key: str, at: EntityTime, state: State | None) -> bool:
        """Take what an entity says now; whether that is another time. A doubtful one changes nothing for us."""
        if state is not None and self.is_ours and (state.value is None or state.quality is not GOOD):
            is_first = key not in self._entries and state.value is not None
            if not is_first:
                return False
        recurrence = None if state is None or state.text in AVAILABILITY else self._recurrence(state, at.offset)
        if recurrence is None:
            self.remove(key)
            return True
        plan = f"{at.entity_id} {at.offset} {recurrence}"
        known = self._entries.get(key)
        if known is not None and known.plan == plan:
            return False
        self.add(Entry(key, plan, recurrence, f"time set in {at.entity_id}", at.entity_id))
        return True

    def _recurrence(self, state: State, offset: timedelta) -> Recurrence | None:
        found = instant_of(state, self.world.time_zone)
        if isinstance(found, datetime):
            # In real time: on the night on which an hour comes twice, local times do not add up.
            return OnceAt(to_us(found) + offset // timedelta(microseconds=1))
        if found is None:
            return None
        # As in Home Assistant the offset of a time of day may turn it into one of another day.
        return self._daily((datetime.combine(date(2000, 1, 2), found) + offset).time())


class AtPattern(Times):
    """Every local time that matches."""

    def __init__(self, setting: Setting, trigger: TimePatternTrigger) -> None:
        """Wait for the next one."""
        super().__init__(setting, "time_pattern")
        parts = trigger.hours, trigger.minutes, trigger.seconds
        recurrence = Pattern(*parts, self.world.time_zone, self.is_ours)
        self.add(Entry("0", f"pattern {parts}", recurrence, "time pattern", None))
