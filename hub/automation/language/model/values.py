"""What stands in a rule where a value may be plain or a template: texts, lengths of time, bounds, targets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TypeAlias, Union

from hub.automation.templates import Template
from hub.core.config.duration import duration_from
from hub.core.globs import compiled
from hub.core.selectors import Selector

Plain: TypeAlias = Union[str, int, Decimal, bool, "list[Plain]", "dict[str, Plain]", None]
"""What YAML can hold. Lists and mappings of a rule are never changed; copy before handing them on."""

Value: TypeAlias = Union[str, int, Decimal, bool, Template, "list[Value]", "dict[str, Value]", None]
"""A plain value or a template, or lists and mappings of such. Only a text with `{{`, `{%` or `{#` is a template."""

Flag: TypeAlias = bool | Template
"""`enabled:`; a template of it is a limited one, rendered once when its rule is attached."""

Length: TypeAlias = Union[timedelta, Template, "dict[str, Value]"]
"""A length of time: fixed, or a template, or a mapping of units with templates in it; see `length_of`."""

Bound: TypeAlias = Decimal | str
"""A threshold: a number, or the id of the entity whose value is the threshold."""

Render: TypeAlias = Callable[[Template], object]
"""How the caller renders a template to a native value; errors of it pass through."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The entities that a trigger or condition is about."""

    selector: Selector
    only: tuple[str, ...] = ()
    """Globs that narrow what areas and labels select; none takes all of it."""

    @property
    def is_explicit(self) -> bool:
        """Whether it is Home Assistant's own form: a list of entity ids and nothing else."""
        return not (self.selector.globs or self.selector.areas or self.selector.labels)

    def admits(self, entity_id: str) -> bool:
        """Whether a selected entity counts: it is named itself, or fits `only`."""
        if not self.only or entity_id in self.selector.entity_ids:
            return True
        return any(compiled(glob).matches(entity_id) for glob in (*self.only, *self.selector.globs))


def is_static(value: object) -> bool:
    """Whether a value holds no template anywhere, so that it is known before any run."""
    if isinstance(value, Mapping):
        return all(is_static(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(is_static(item) for item in value)
    return not isinstance(value, Template)


def rendered(value: object, render: Render) -> object:
    """A fresh copy of a value with every template in it rendered."""
    if isinstance(value, dict):
        return {key: rendered(item, render) for key, item in value.items()}
    if isinstance(value, list):
        return [rendered(item, render) for item in value]
    return render(value) if isinstance(value, Template) else value


_CLOCK = re.compile(r"\s*(\d{1,9}):(\d{1,9})(?::(\d{1,9}(?:\.\d{1,6})?))?\s*")


def _clock_span(text: str) -> timedelta | None:
    """Hours, minutes and seconds as a template puts them together, with any number of digits each."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    return duration_from(
        {"hours": Decimal(found[1]), "minutes": Decimal(found[2]), "seconds": Decimal(found[3] or 0)}
    )


def _to_us(number: float) -> Decimal:
    """What a template has reckoned, without the noise of its floats."""
    return Decimal(str(round(number, 6)))


def length_of(length: Length, render: Render) -> timedelta:
    """The length of time that is meant in this run; raises ValueError when a template gives none."""
    if isinstance(length, timedelta):
        return length
    found = rendered(length, render)
    if isinstance(found, float):
        found = _to_us(found)
    elif isinstance(found, dict):
        found = {unit: _to_us(part) if isinstance(part, float) else part for unit, part in found.items()}
    made = _clock_span(found) if isinstance(found, str) else None
    if made is None:
        made = duration_from(found)
    if made < timedelta(0):
        raise ValueError(f"a length of time cannot be negative; the template gave {found}")
    return made
