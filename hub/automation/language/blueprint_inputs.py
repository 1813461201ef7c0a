"""The typed inputs of blueprints: whether a value is what the input's selector asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from hub.automation.language.times import time_of_day
from hub.core.config import ConfigDict, ConfigList, ConfigValue, Mark, did_you_mean
from hub.core.config.duration import duration_from
from hub.core.config.show import show


@dataclass(frozen=True, slots=True)
class Input:
    """What a blueprint asks for."""

    key: str
    name: str
    selector: str
    """The kind of value, such as `number`; "" takes anything."""
    options: ConfigDict
    default: ConfigValue
    has_default: bool
    default_mark: Mark | None

    def why_not(self, value: ConfigValue) -> str | None:
        """What is wrong with a value, None when it fits."""
        check = _CHECKS.get(self.selector)
        if check is None:
            return None
        if self.options.get("multiple") is True and isinstance(value, ConfigList):
            return next(filter(None, (check(item, self.options) for item in value)), None)
        return check(value, self.options)


def inputs_of(node: ConfigDict) -> dict[str, Input]:
    """The inputs of a blueprint by key; those in sections stand among the others."""
    found: dict[str, Input] = {}
    for key, item in node.items():
        inner = item.get("input") if isinstance(item, ConfigDict) else None
        if isinstance(inner, ConfigDict):
            found.update(inputs_of(inner))
            continue
        item = item if isinstance(item, ConfigDict) else ConfigDict()
        selector = item.get("selector")
        kind, options = next(iter(selector.items()), ("", None)) if isinstance(selector, ConfigDict) else ("", None)
        found[key] = Input(
            key=key,
            name=str(item.get("name") or key),
            selector=kind,
            options=options if isinstance(options, ConfigDict) else ConfigDict(),
            default=item.get("default"),
            has_default="default" in item,
            default_mark=item.value_mark("default"),
        )
    return found


def _number(value: ConfigValue, options: ConfigDict) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return f"takes a number, got {show(value)}"
    least, most = options.get("min"), options.get("max")
    if isinstance(least, int | Decimal) and value < least:
        return f"takes {least} or more, got {value}"
    if isinstance(most, int | Decimal) and value > most:
        return f"takes {most} or less, got {value}"
    return None


def _boolean(value: ConfigValue, _: ConfigDict) -> str | None:
    return None if isinstance(value, bool) else f"takes true or false, got {show(value)}"


def _text(value: ConfigValue, _: ConfigDict) -> str | None:
    return None if isinstance(value, str) else f"takes a text, got {show(value)}; put it in quotes"


def _select(value: ConfigValue, options: ConfigDict) -> str | None:
    if options.get("custom_value") is True:
        return None
    listed = options.get("options")
    choices = [
        str(item.get("value")) if isinstance(item, ConfigDict) else str(item)
        for item in (listed if isinstance(listed, ConfigList) else ())
    ]
    if str(value) in choices:
        return None
    return f"takes one of {', '.join(choices)}, got {show(value)}.{did_you_mean(str(value), choices)}".rstrip(".")


def _entity(value: ConfigValue, options: ConfigDict) -> str | None:
    if isinstance(value, ConfigList):
        return "takes one entity, got a list; the blueprint allows several with `multiple: true`"
    if not isinstance(value, str) or value.count(".") != 1:
        return f"takes an entity such as sensor.hall, got {show(value)}"
    domains = _domains(options)
    domain = value.partition(".")[0].strip()
    if domains and domain not in domains:
        return f"takes an entity of {' or '.join(domains)}, got {show(value)}"
    return None


def _domains(options: ConfigDict) -> list[str]:
    listed = options.get("filter")
    filters = [options, *(listed if isinstance(listed, ConfigList) else [listed])]
    found: list[str] = []
    for each in filters:
        domain = each.get("domain") if isinstance(each, ConfigDict) else None
        found += [str(item) for item in (domain if isinstance(domain, ConfigList) else [domain]) if item]
    return found


def _time(value: ConfigValue, _: ConfigDict) -> str | None:
    is_time = isinstance(value, str) and time_of_day(value) not in (None, value.strip().lower())
    return None if is_time else f'takes a time such as "07:30:00", got {show(value)}'


def _duration(value: ConfigValue, _: ConfigDict) -> str | None:
    try:
        duration_from(value)
    except ValueError as error:
        return str(error)
    return None


_CHECKS: MappingProxyType[str, Callable[[ConfigValue, ConfigDict], str | None]] = MappingProxyType(
    {
        "number": _number,
        "boolean": _boolean,
        "text": _text,
        "area": _text,
        "label": _text,
        "select": _select,
        "entity": _entity,
        "time": _time,
        "duration": _duration,
    }
)
