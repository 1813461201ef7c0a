"""Numeric triggers: what all of them share, and those of Home Assistant, armed in memory."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from hub.automation.language.model import NumericTrigger
from hub.automation.runtime.bounds import Bounds
from hub.automation.runtime.contract import TriggerData
from hub.automation.runtime.triggers.fors import Fors, Running, shown_length
from hub.automation.runtime.triggers.setting import Live, Setting, Shot
from hub.automation.runtime.truth import FALSE, TRUE, UNKNOWN, Truth
from hub.automation.templates import TemplateError
from hub.core.states import State, StateChanged


class Numeric(Live):
    """What both kinds of thresholds share."""

    def __init__(self, setting: Setting, trigger: NumericTrigger, *, sees_text: bool) -> None:
        """Attach a threshold."""
        super().__init__(setting)
        self.trigger = trigger
        self.world = setting.around.world
        self.bounds = Bounds(trigger, self.world, sees_text=sees_text)
        self.has_for = trigger.for_ is not None
        self._shown = self.shown_bounds()
        self.fors = Fors(setting, f"{trigger.fingerprint} for {shown_length(trigger.for_)}", self.due)
        setting.undo.append(self.fors.stop)

    def due(self, running: Running) -> None:
        """A `for` is over."""
        raise NotImplementedError

    def number_of(self, state: State) -> Decimal | tuple[Truth, str]:
        """The number of a state, or why there is none."""
        return self.bounds.number(state, lambda: self.seen(state.entity_id))

    def seen(self, entity_id: str) -> Mapping[str, object]:
        """What a value template sees beside the state."""
        trigger = self.trigger
        data = {"platform": "numeric_state", "entity_id": entity_id, "attribute": trigger.attribute}
        return {**self.setting.variables, "trigger": {**data, **self._shown}}

    def shown_bounds(self) -> dict[str, object]:
        """The bounds as templates see them."""
        return {"below": self.trigger.below, "above": self.trigger.above}

    def beyond(self, state: State) -> Truth:
        """Whether a state holds all bounds."""
        number = self.number_of(state)
        return number[0] if isinstance(number, tuple) else self.bounds.judge(number)

    def cross(self, key: str, old: State | None, new: State) -> bool:
        """Fire, or start the `for`; True when it fired. An error in the `for` uses the crossing up."""
        data = self.data(old, new)
        shot = Shot(data, new.entity_id, new.context)
        if self.trigger.for_ is None:
            self.setting.fire(shot)
            return True
        try:
            length = self.setting.length(self.trigger.for_, self.for_data(data))
        except (ValueError, TemplateError) as error:
            self.setting.note("error", f"`for`: {error}", new.entity_id)
            return True
        data["for"] = length
        if not length:
            self.setting.fire(shot)
            return True
        self.fors.start(key, length, shot)
        return False

    def data(self, old: State | None, new: State) -> TriggerData:
        """The `trigger` variable of a crossing."""
        view = self.setting.view
        data = self.setting.data(
            "numeric_state", entity_id=new.entity_id, from_state=view(old), to_state=view(new),
            attribute=self.trigger.attribute, description=f"numeric state of {new.entity_id}",
        )  # fmt: skip
        return {**data, **self._shown, "for": None}

    def for_data(self, data: TriggerData) -> TriggerData:
        """What a template in `for` sees as `trigger`."""
        return data


class ArmedNumbers(Numeric):
    """Home Assistant's: armed in memory by any value that is not beyond, `unavailable` included."""

    def __init__(self, setting: Setting, trigger: NumericTrigger) -> None:
        """Attach it; who is not beyond now is armed."""
        super().__init__(setting, trigger, sees_text=True)
        self._armed: set[str] = set()
        for entity_id in self.world.members(trigger.targets):
            state = self.world.state(entity_id)
            if state is not None and self.beyond(state) is FALSE:
                self._armed.add(entity_id)
        setting.undo.append(setting.watch(trigger.targets, self._changed))

    def shown_bounds(self) -> dict[str, object]:
        """Numbers as floats, as Home Assistant has them."""
        shown = super().shown_bounds()
        return {name: float(bound) if isinstance(bound, Decimal) else bound for name, bound in shown.items()}

    def for_data(self, data: TriggerData) -> TriggerData:
        """Less than what the run sees."""
        return {name: data[name] for name in ("platform", "entity_id", "below", "above", "attribute")}

    def _changed(self, event: StateChanged) -> None:
        new, entity_id = event.new, event.entity_id
        beyond = UNKNOWN if new is None else self.beyond(new)
        if beyond is not TRUE:
            self.fors.cancel(entity_id)
        if beyond is FALSE:
            self._armed.add(entity_id)
        elif beyond is TRUE and entity_id in self._armed:
            assert new is not None
            self._armed.discard(entity_id)
            self.cross(entity_id, event.old, new)

    def due(self, running: Running) -> None:
        """Fire: had it ended, it would have been cancelled."""
        self.fors.fire(running)
