"""Template triggers: rendered again only when something changes that the last render read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hub.automation.language.model import TemplateTrigger
from hub.automation.runtime.contract import Stop
from hub.automation.runtime.template_doubt import doubt_in, minds_doubt
from hub.automation.runtime.timers import Alarm
from hub.automation.runtime.triggers.fors import Fors, Running, shown_length
from hub.automation.runtime.triggers.setting import Live, Setting, Shot, Surroundings
from hub.automation.templates import Rendered, Template, TemplateError
from hub.core.context import SYSTEM
from hub.core.selectors import Selector
from hub.core.states import StateChanged

MINUTE_US = 60_000_000
DOMAIN_PAUSE_US = 1_000_000
"""A template that reads a whole domain is rendered at most so often, ..."""
ALL_PAUSE_US = 60_000_000
"""... and one that reads every state; both take milliseconds, and would run for every update of every meter."""


class Watched:
    """A template that is rendered whenever what it reads changes, and told of each time."""

    def __init__(
        self,
        around: Surroundings,
        template: Template,
        variables: Mapping[str, object],
        told: Callable[[Rendered, StateChanged | None], None],
        *,
        tells_all: bool,
        tells_first: bool = False,
    ) -> None:
        """Watch from now on; `told` hears of each render from now on, with the change that brought it about.

        Without `tells_all` it hears of those only whose result is another, as in Home Assistant; but what is the
        same result may be known now and have been in doubt before. With `tells_first` it hears of the first one
        in any case: so do Home Assistant's waits.
        """
        self._around = around
        self._template = template
        self._variables = variables
        self._told = told
        self._tells_all = tells_all
        self._tells_next = tells_all or tells_first
        self._entities: dict[str, Stop] = {}
        self._wide: dict[str, Stop] = {}
        """Subscriptions to domains, by name; `*` is to everything."""
        self._minute: Alarm | None = None
        self._later: Alarm | None = None
        self._looked_us = 0
        self._is_stopped = False
        self.seen = self._look()

    def stop(self) -> None:
        """Watch no longer."""
        self._is_stopped = True
        for stop in (*self._entities.values(), *self._wide.values()):
            stop()
        self._entities, self._wide = {}, {}
        for alarm in (self._minute, self._later):
            if alarm is not None:
                alarm.cancel()

    def _look(self) -> Rendered:
        self._looked_us = self._around.world.now_us()
        seen = self._template.look(self._around.world, self._variables)
        self._follow(seen)
        return seen

    def _follow(self, seen: Rendered) -> None:
        hub = self._around.hub
        for entity_id in [one for one in self._entities if one not in seen.entities]:
            self._entities.pop(entity_id)()
        for entity_id in sorted(seen.entities):
            if entity_id not in self._entities:
                self._entities[entity_id] = hub.bus.subscribe(StateChanged, self._changed, key=entity_id)
        is_wide = seen.all_states or seen.all_counts
        wide = {"*"} if is_wide else {*seen.domains, *seen.domain_counts}
        for domain in [one for one in self._wide if one not in wide]:
            self._wide.pop(domain)()
        for domain in sorted(wide - self._wide.keys()):
            if domain == "*":
                self._wide[domain] = hub.bus.subscribe(StateChanged, self._changed_widely)
            else:
                self._wide[domain] = hub.watch(Selector(domains=(domain,)), StateChanged, self._changed_widely)
        if self._minute is not None:
            self._minute.cancel()
            self._minute = None
        if seen.uses_time:
            next_us = (self._around.world.now_us() // MINUTE_US + 1) * MINUTE_US
            self._minute = self._around.alarms.at(next_us, lambda: self._again(None))

    def _changed(self, event: StateChanged) -> None:
        self._again(event)

    def _changed_widely(self, event: StateChanged) -> None:
        """Something in a domain changed; who only counts its entities minds those that come and go."""
        seen = self.seen
        domain = event.entity_id.partition(".")[0]
        if event.entity_id in seen.entities:
            return  # heard of by itself
        if not (seen.all_states or domain in seen.domains or event.old is None or event.new is None):
            return
        pause_us = ALL_PAUSE_US if seen.all_states else DOMAIN_PAUSE_US
        wait_us = self._looked_us + pause_us - self._around.world.now_us()
        if wait_us <= 0:
            self._again(event)
        elif self._later is None or self._later.call is None:
            self._later = self._around.alarms.at(self._looked_us + pause_us, lambda: self._again(event))

    def _again(self, event: StateChanged | None) -> None:
        if self._later is not None:
            self._later.cancel()
        before = self.seen
        self.seen = self._look()
        if self._is_stopped or (not self._tells_next and _is_same(before, self.seen)):
            return
        self._tells_next = self._tells_all
        self._told(self.seen, event)


def _is_same(before: Rendered, after: Rendered) -> bool:
    if (before.error is None) is not (after.error is None) or before.text != after.text:
        return False
    return str(before.error) == str(after.error)


class TemplateEdge(Live):
    """Fires when a template turns true."""

    KEY = ""
    """A template is about no entity, so it has one `for`."""

    def __init__(self, setting: Setting, trigger: TemplateTrigger) -> None:
        """Attach it; it is armed if the template is false now."""
        super().__init__(setting)
        self.trigger = trigger
        self._is_ours = setting.around.strategies.latches
        self._minds_doubt = self._is_ours and minds_doubt(trigger.value_template)
        plan = f"{trigger.value_template.text} for {shown_length(trigger.for_)}"
        self.fors = Fors(setting, plan, self._due)
        setting.undo.append(self.fors.stop)
        self._is_armed = False
        self._watched = Watched(
            setting.around, trigger.value_template, setting.variables, self._told, tells_all=self._is_ours
        )
        setting.undo.append(self._watched.stop)
        self._is_armed = self._truth(self._watched.seen) is False

    def first_look(self) -> None:
        """Go on with a `for` of earlier times; a wait that is resumed takes what is true now."""
        if self.setting.start == "resumed":
            self._is_armed = True
            self._told(self._watched.seen, None)
            return
        if self.setting.start not in ("start", "reload"):
            self.fors.drop_kept()
        for running in self.fors.take_up():
            if self._truth(self._watched.seen) is False:
                self.fors.cancel(running.key)
        self.setting.save()

    def _truth(self, seen: Rendered) -> bool | None:
        """Whether it is true; None for an error or, unless it minds that itself, when it read doubtful data."""
        if seen.error is not None:
            return None
        if self._minds_doubt and doubt_in(seen, self.setting.around.world):
            return None
        try:
            return seen.truth
        except TemplateError:
            return None

    def _told(self, seen: Rendered, event: StateChanged | None) -> None:
        truth = self._truth(seen)
        if truth is None:
            if seen.error is not None:
                self.setting.note("error", str(seen.error))
            return
        running = self.fors.running.get(self.KEY)
        if running is not None and not (self._is_ours and truth):
            self.fors.cancel(self.KEY)  # Home Assistant's ends with any other result, even one that is true as well
            self.setting.save()
        elif running is not None and running.is_overdue:
            self.fors.fire(running)
        if not truth:
            self._is_armed = True
        elif self._is_armed:
            self._is_armed = False
            self._turned_true(event)

    def _turned_true(self, event: StateChanged | None) -> None:
        setting = self.setting
        entity_id = None if event is None else event.entity_id
        new = None if event is None else event.new
        said = f"{entity_id} via template" if entity_id else "time change or manual update via template"
        data = setting.data(
            "template", entity_id=entity_id, from_state=setting.view(event.old if event else None),
            to_state=setting.view(new), description=said, **{"for": None},
        )  # fmt: skip
        shot = Shot(data, entity_id, SYSTEM if new is None else new.context)
        if self.trigger.for_ is not None:
            try:
                length = setting.length(self.trigger.for_, _seen_by_for(data))
            except (ValueError, TemplateError) as error:
                setting.note("error", f"`for`: {error}")
                return
            data["for"] = length
            if length:
                self.fors.start(self.KEY, length, shot)
                setting.save()
                return
        setting.fire(shot)

    def _due(self, running: Running) -> None:
        why = doubt_in(self._watched.seen, self.setting.around.world) if self._minds_doubt else ""
        if not why:
            self.fors.fire(running)
            return
        running.is_overdue = True
        self.setting.note("held", f"its `for` is over, but {why}; it fires if it is true once that is known")


def _seen_by_for(data: Mapping[str, object]) -> dict[str, object]:
    return {name: data[name] for name in ("platform", "entity_id", "from_state", "to_state")}
