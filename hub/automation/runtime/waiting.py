"""Arms what runs wait for: triggers and templates, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hub.automation.language.model import Trigger
from hub.automation.runtime.attaching import attach_all, detach_all, look_all
from hub.automation.runtime.contract import NoteKind, Stop, TriggerData
from hub.automation.runtime.shelf import Shelf
from hub.automation.runtime.template_doubt import doubt_in, minds_doubt
from hub.automation.runtime.triggers import Setting, Shot, Surroundings
from hub.automation.runtime.triggers.templates import Watched
from hub.automation.templates import Rendered, Template, TemplateError
from hub.core.context import Context
from hub.core.states import StateChanged


class Waits:
    """The `WaitArmer` of the contract."""

    def __init__(self, around: Surroundings) -> None:
        """Arm in the surroundings of `Triggers`."""
        self._around = around

    def arm(
        self,
        triggers: Sequence[Trigger],
        variables: Mapping[str, object],
        on_fire: Callable[[TriggerData, Context], object],
        *,
        is_resumed: bool = False,
    ) -> Stop:
        """Call back on each firing of the triggers until stopped; raises `TriggerError`."""
        is_armed = True

        def emit(_: Trigger, shot: Shot, shelf: Shelf) -> None:
            shelf.take()
            if is_armed:
                on_fire(shot.data, shot.context)

        settings = [
            Setting(
                self._around, trigger, Shelf("", trigger.key), "resumed" if is_resumed else "wait", variables, emit,
                _forget, _ignore, f"wait, trigger {trigger.key}",
            )
            for trigger in triggers
        ]  # fmt: skip
        lives = attach_all(settings)
        look_all(lives)

        def stop() -> None:
            nonlocal is_armed
            is_armed = False
            detach_all(lives)

        return stop

    def watch_template(
        self, template: Template, variables: Mapping[str, object], on_true: Callable[[], object]
    ) -> Stop:
        """Call back once, when the template is true; before this returns if it is already."""
        is_ours = self._around.strategies.latches
        minds = is_ours and minds_doubt(template)
        was_true = False

        def is_true(seen: Rendered) -> bool:
            if seen.error is not None or (minds and doubt_in(seen, self._around.world)):
                return False
            try:
                return seen.truth
            except TemplateError:
                return False

        def told(seen: Rendered, _: StateChanged | None) -> None:
            nonlocal was_true
            turned = is_true(seen) and (is_ours or not was_true)
            was_true = is_true(seen)
            if turned:
                watched.stop()
                on_true()

        watched = Watched(self._around, template, variables, told, tells_all=is_ours, tells_first=not is_ours)
        # Home Assistant takes only the word itself for true at once, and from then on what counts as true.
        if is_true(watched.seen) and (is_ours or watched.seen.text.lower() == "true"):
            watched.stop()
            on_true()
        return watched.stop


def _forget(shelf: Shelf) -> None:
    shelf.take()


def _ignore(trigger: Trigger, kind: NoteKind, text: str, entity_id: str | None) -> None:
    """A wait that does not come about shows in its run's trace by itself."""
