"""Thresholds of ours: latched, durable, and never moved by doubtful data."""

from __future__ import annotations

from decimal import Decimal

from hub.automation.language.model import Bound, NumericTrigger
from hub.automation.runtime.contract import LatchView
from hub.automation.runtime.doubt import doubt
from hub.automation.runtime.latches import Act, Latch, act, adopted
from hub.automation.runtime.triggers.fors import Running
from hub.automation.runtime.triggers.numeric import Numeric
from hub.automation.runtime.triggers.quick import quick_test
from hub.automation.runtime.triggers.setting import Setting
from hub.automation.runtime.truth import FALSE, TRUE, UNKNOWN, Truth
from hub.core.states import GOOD, State, StateChanged

NAMES_MAX = 20
"""Entities named in a note; of more only how many."""


class Threshold(Numeric):
    """A threshold of ours: its latch outlives blips, restarts and renames, and doubtful data moves nothing."""

    def __init__(self, setting: Setting, trigger: NumericTrigger) -> None:
        """Attach it."""
        super().__init__(setting, trigger, sees_text=False)
        self._latched = setting.shelf.latched
        self._quick = quick_test(trigger)
        setting.undo.append(setting.watch(trigger.targets, self._changed))

    def shown_bounds(self) -> dict[str, object]:
        """All bounds that are given, and the two of Home Assistant."""
        trigger = self.trigger
        given: dict[str, Bound | None] = {"at_or_below": trigger.at_or_below, "at_or_above": trigger.at_or_above}
        return super().shown_bounds() | {name: bound for name, bound in given.items() if bound is not None}

    def first_look(self) -> None:
        """Adopt what is there if the rule or its bounds are new; else see what crossed meanwhile."""
        shelf, start = self.setting.shelf, self.setting.start
        if start == "resumed" or (start in ("start", "reload") and shelf.fingerprint == self.trigger.fingerprint):
            self.fors.take_up()
            self._look()
        elif self.trigger.initial == "fire" and start in ("start", "reload"):
            self._forget()
            shelf.adopt(self.trigger.fingerprint)
            self._look()
        else:
            self._forget()
            shelf.adopt(self.trigger.fingerprint)
            self._adopt()
        self.setting.save()

    def _look(self) -> None:
        for entity_id in self.world.selected(self.trigger.targets):
            state = self.world.state(entity_id)
            if state is not None:
                self._judge(None, state)

    def _forget(self) -> None:
        self.fors.drop_kept()
        for entity_uid in list(self._latched):
            self.setting.shelf.unlatch(entity_uid)

    def _adopt(self) -> None:
        """Take the present values as they are; only those who cross from now on fire."""
        beyond = []
        for entity_id in self.world.selected(self.trigger.targets):
            state = self.world.state(entity_id)
            latch = adopted(UNKNOWN if state is None else self.beyond(state))
            if latch is not Latch.OFF:
                self.setting.shelf.latch(self.world.uid_of(entity_id), is_adopting=latch is Latch.ADOPTING)
            if latch is Latch.ON:
                beyond.append(entity_id)
        if beyond and self.setting.start != "wait":
            named = ", ".join(beyond[:NAMES_MAX])
            more = f" and {len(beyond) - NAMES_MAX} more" if len(beyond) > NAMES_MAX else ""
            said = f"beyond already, so they fire at their next crossing: {named}{more}"
            self.setting.note("adopted", said, beyond[0] if len(beyond) == 1 else None)

    def _changed(self, event: StateChanged) -> None:
        new = event.new
        if new is None or new.quality is not GOOD:
            return
        if self._quick is not None:
            is_beyond = self._quick(new.value)
            if is_beyond is False and not self._latched and not self.fors.running:
                return
            if is_beyond is True and self._latched.get(self.world.uid_of(new.entity_id)) is False:
                return
        self._judge(event.old, new)

    def _judge(self, old: State | None, new: State) -> None:
        """Do what a state does to its latch."""
        number = self.number_of(new)
        if isinstance(number, tuple):
            return
        entity_uid = self.world.uid_of(new.entity_id)
        beyond = self.bounds.judge(number)
        running = self.fors.running.get(entity_uid)
        shelf = self.setting.shelf
        match act(
            self._latch_of(entity_uid),
            beyond,
            is_recovered=self._is_recovered(number, beyond),
            is_overdue=running is not None and running.is_overdue,
        ):
            case Act.NOTHING:
                return
            case Act.CROSS:
                if not self.has_for:
                    shelf.latch(entity_uid)
                    self.cross(entity_uid, old, new)
                    return
                if self.cross(entity_uid, old, new):
                    shelf.latch(entity_uid)
            case Act.FIRE_LATE:
                assert running is not None
                shelf.latch(entity_uid)
                self.fors.fire(running)
            case Act.CANCEL:
                self.fors.cancel(entity_uid)
            case Act.RELEASE:
                shelf.unlatch(entity_uid)
            case Act.ADOPT:
                shelf.latch(entity_uid)
                said = f"beyond already when the rule came: {self.bounds.reason(new.entity_id, number)}"
                self.setting.note("adopted", said, new.entity_id)
        self.setting.save()

    def _latch_of(self, entity_uid: str) -> Latch:
        if entity_uid in self.fors.running:
            return Latch.WAITING
        is_adopting = self._latched.get(entity_uid)
        return Latch.OFF if is_adopting is None else Latch.ADOPTING if is_adopting else Latch.ON

    def _is_recovered(self, number: Decimal, beyond: Truth) -> bool:
        above, below = self.trigger.reset_above, self.trigger.reset_below
        if above is None and below is None:
            return beyond is FALSE
        if above is not None and (limit := self.bounds.limit(above)) is not None and number > limit:
            return True
        return below is not None and (limit := self.bounds.limit(below)) is not None and number < limit

    def due(self, running: Running) -> None:
        """Fire if it still holds; while nobody can say, wait for the next good value."""
        entity_id = self.world.name_of(running.key)
        state = self.world.state(entity_id)
        beyond = UNKNOWN if state is None else self.beyond(state)
        if beyond is TRUE:
            self.setting.shelf.latch(running.key)
            self.fors.fire(running)
        elif beyond is FALSE:
            self.fors.cancel(running.key)
            self.setting.save()
        else:
            running.is_overdue = True
            why = doubt(state, entity_id, self.world.now_us()) or "its bound is not known"
            self.setting.note(
                "held", f"its `for` is over, but {why}; it fires if the next good value is beyond", entity_id
            )

    def latches(self) -> list[LatchView]:
        """How its entities stand."""
        found = []
        for entity_id in self.world.selected(self.trigger.targets):
            entity_uid = self.world.uid_of(entity_id)
            state = self.world.state(entity_id)
            number = (UNKNOWN, doubt(None, entity_id, 0)) if state is None else self.number_of(state)
            if isinstance(number, tuple):
                beyond, reason = UNKNOWN, number[1]
            else:
                beyond, reason = self.bounds.judge(number), self.bounds.reason(entity_id, number)
            latch = self._latch_of(entity_uid)
            running = self.fors.running.get(entity_uid)
            found.append(
                LatchView(
                    self.trigger.key, entity_id, latch is Latch.ON, latch is Latch.ADOPTING,
                    None if running is None else running.due_us,
                    None if beyond is UNKNOWN else beyond is TRUE, reason,
                )
            )  # fmt: skip
        return found
