"""Running `for`s of one trigger: a shot that is held back until it has been true long enough."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hub.automation.runtime.contract import Stop
from hub.automation.runtime.runs.packing import pack
from hub.automation.runtime.timers import Alarm
from hub.automation.runtime.triggers.setting import Setting, Shot
from hub.automation.templates import Template
from hub.core.context import Context

_MICROSECOND = timedelta(microseconds=1)


class Running:
    """One `for` that runs."""

    __slots__ = ("alarm", "due_us", "is_overdue", "key", "shot", "stop")

    def __init__(self, key: str, due_us: int, shot: Shot) -> None:
        """Started by `Fors`."""
        self.key = key
        self.due_us = due_us
        self.shot = shot
        self.alarm: Alarm | None = None
        self.is_overdue = False
        """It was due while nobody could say whether it still holds."""
        self.stop: Stop | None = None
        """Ends what watches it, for those that have their own."""


class Fors:
    """The running `for`s of one trigger, by the unique id of the entity."""

    def __init__(self, setting: Setting, plan: str, due: Callable[[Running], None]) -> None:
        """`due` is called when one is; what another `plan` began is not taken up."""
        self._setting = setting
        self._plan = plan
        self._due = due
        self.running: dict[str, Running] = {}

    def start(self, key: str, length: timedelta, shot: Shot) -> Running:
        """Hold a shot back for so long."""
        setting = self._setting
        due_us = setting.around.world.now_us() + length // _MICROSECOND
        running = Running(key, due_us, shot)
        self._arm(running)
        if setting.shelf.is_durable:
            context = shot.context
            record = pack([shot.data, shot.entity_id, [context.id, context.actor, context.parent_id]])
            setting.shelf.keep_for(key, self._plan, due_us, record)
        return running

    def cancel(self, key: str) -> bool:
        """Forget one; whether there was one. The caller saves."""
        running = self.running.pop(key, None)
        if running is None:
            return False
        if running.alarm is not None:
            running.alarm.cancel()
        if running.stop is not None:
            running.stop()
        self._setting.shelf.drop_for(key)
        return True

    def fire(self, running: Running) -> None:
        """Let a shot go."""
        self.cancel(running.key)
        late_us = max(0, self._setting.around.world.now_us() - running.due_us)
        shot = running.shot
        shot.data["late_s"] = late_us // 1_000_000
        self._setting.fire(shot._replace(late_us=late_us))

    def take_up(self) -> list[Running]:
        """Go on with those of an earlier start, or of before a reload; they are due when they were."""
        setting = self._setting
        for key, (plan, due_us, record) in list(setting.shelf.fors.items()):
            if plan != self._plan:
                setting.shelf.drop_for(key)
                continue
            data, entity_id, context = setting.around.unpack(record)
            self._arm(Running(key, due_us, Shot(data, entity_id, Context(*context))))
        return list(self.running.values())

    def drop_kept(self) -> None:
        """Forget those of earlier times."""
        for key in list(self._setting.shelf.fors):
            self._setting.shelf.drop_for(key)

    def stop(self) -> None:
        """Let none go any more; those that are kept go on with the next start."""
        for running in self.running.values():
            if running.alarm is not None:
                running.alarm.cancel()
            if running.stop is not None:
                running.stop()
        self.running.clear()

    def _arm(self, running: Running) -> None:
        self.running[running.key] = running
        running.alarm = self._setting.around.alarms.at(running.due_us, lambda: self._due(running))


def shown_length(length: object) -> str:
    """A length of time as written, to tell whether it is still the same."""
    if isinstance(length, timedelta):
        return f"{length // _MICROSECOND} us"
    if isinstance(length, dict):
        return ", ".join(f"{unit} {shown_length(part)}" for unit, part in sorted(length.items()))
    return length.text if isinstance(length, Template) else str(length)
