"""Checks loaded rules against what the hub has, and for what nobody means; each finding with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from hub.automation.language.check_calls import check_call
from hub.automation.language.check_sense import sense_of, sense_of_part
from hub.automation.language.finding import Finding, finding
from hub.automation.language.model import (
    Call,
    EntityTime,
    Loaded,
    NumericCondition,
    NumericTrigger,
    Runnable,
    StateCondition,
    StateTrigger,
    Targets,
    TimeCondition,
    TimeTrigger,
)
from hub.automation.language.walk import AnyPart, parts_of, templates_of
from hub.core.actions import Action
from hub.core.config import Mark, did_you_mean
from hub.core.globs import compiled, names_in

_BOUNDS = ("above", "below", "at_or_above", "at_or_below", "reset_above", "reset_below")
_TIMES = ("after", "before")


@dataclass(frozen=True, slots=True)
class Known:
    """What a hub has; None where that is not known, and then nothing is said about it."""

    entity_ids: Collection[str] | None = None
    actions: Mapping[str, Action] | None = None
    areas: Collection[str] | None = None
    labels: Collection[str] | None = None


def check(loaded: Loaded, known: Known) -> list[Finding]:
    """Everything found in the rules and scripts that could be loaded, one after the other."""
    scripts = {script.id: script for script in loaded.scripts}
    names = _Names(known)
    found: list[Finding] = []
    for runnable in (*loaded.rules, *loaded.scripts):
        found += sense_of(runnable)
        for part in parts_of(runnable):
            found += names.findings(runnable, part)
            found += sense_of_part(runnable, part)
            if isinstance(part, Call) and known.actions is not None:
                found += check_call(runnable, part, known.actions, scripts)
    return list(dict.fromkeys(found))


class _Names:
    """Looks every name up that a rule uses. An unknown one is a warning: the entity may come later."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._sorted = sorted(known.entity_ids or ())

    def findings(self, runnable: Runnable, part: AnyPart) -> Iterator[Finding]:
        """A finding for every name that the hub does not have."""
        known = self._known
        if known.entity_ids is not None:
            for entity_id in _entities_of(part):
                if entity_id not in known.entity_ids:
                    yield _missing(runnable, part, "entity", entity_id, self._sorted)
            yield from self._in_templates(runnable, part, known.entity_ids)
        targets = _targets_of(part)
        if targets is None:
            return
        if known.entity_ids is not None:
            for glob in targets.selector.globs:
                if next(names_in(compiled(glob), self._sorted), None) is None:
                    message = f"no entity fits {glob!r} now; one that comes later will count"
                    yield finding(runnable, "warning", message, part.mark, part.path)
        for kind, wanted, there in (
            ("area", targets.selector.areas, known.areas),
            ("label", targets.selector.labels, known.labels),
        ):
            for name in wanted:
                if there is not None and name not in there:
                    yield _missing(runnable, part, kind, name, there)

    def _in_templates(self, runnable: Runnable, part: AnyPart, there: Collection[str]) -> Iterator[Finding]:
        for template in templates_of(part):
            for entity_id, line in template.depends_on.references:
                if entity_id not in there:
                    mark = template.where if isinstance(template.where, Mark) else part.mark
                    hint = did_you_mean(entity_id, self._sorted)
                    message = f"line {line} of the template: there is no entity {entity_id!r} now.{hint}"
                    yield finding(runnable, "warning", message, mark, part.path)


def _missing(runnable: Runnable, part: AnyPart, kind: str, name: str, there: Collection[str]) -> Finding:
    message = f"there is no {kind} {name!r} now.{did_you_mean(name, there)}"
    return finding(runnable, "warning", message, part.mark, part.path)


def _targets_of(part: AnyPart) -> Targets | None:
    if isinstance(part, StateTrigger | NumericTrigger | StateCondition | NumericCondition):
        return part.targets
    return None


def _entities_of(part: AnyPart) -> list[str]:
    """The entity ids that a part names as such."""
    targets = _targets_of(part)
    found = [] if targets is None else list(targets.selector.entity_ids)
    if isinstance(part, NumericTrigger | NumericCondition):
        found += [bound for key in _BOUNDS if isinstance(bound := getattr(part, key, None), str)]
    elif isinstance(part, TimeTrigger):
        found += [at.entity_id for at in part.at if isinstance(at, EntityTime)]
    elif isinstance(part, TimeCondition):
        found += [at for key in _TIMES if isinstance(at := getattr(part, key), str)]
    elif isinstance(part, Call) and isinstance(part.target, dict):
        entities = part.target.get("entity_id")
        found += [each for each in entities if isinstance(each, str)] if isinstance(entities, list) else []
        found = [each for each in found if each not in ("all", "none") and not set("*?[") & set(each)]
    return found
