"""The small world that random rules are about, and the templates that they read it with."""

from __future__ import annotations

from typing import Any

from draft import Draft, jinja

NUMBERS = ("sensor.a", "sensor.b")
SWITCHES = ("switch.a", "switch.b")
LIMIT = "input_number.limit"
LEVELS = (5, 10, 15, 20, 25)
SWITCH_STATES = ("on", "off", "standby")
EVENTS = ("press", "hold")
READ_ACTION = "meter.read"

_CLAIMS = (
    "{{ states('sensor.a') | float(0) > 12 }}",
    "{{ states('sensor.b') | int(0) < states('input_number.limit') | int(0) }}",
    "{{ is_state('switch.a', 'on') }}",
    "{{ is_state('switch.b', ['on', 'standby']) }}",
    "{{ is_state_attr('sensor.a', 'level', 10) }}",
    "{{ state_attr('sensor.b', 'level') == 15 or has_value('switch.a') }}",
    "{{ states('switch.a') != 'off' and not is_state('switch.b', 'off') }}",
    "{{ states('sensor.a') in ['unavailable', 'unknown'] }}",
    "{{ states.sensor.a.state | default('none') == '15' }}",
    "{{ [states('sensor.a'), states('sensor.b')] | map('float', 0) | sum > 30 }}",
    "{% set n = states('sensor.a') | float(-1) %}{{ 0 <= n <= 15 }}",
    "{{ states('switch.a') in ('on', 'standby') }}",
)
_TRICKY_CLAIMS = (
    "{{ states('sensor.a') | float > 12 }}",  # an error while it is unavailable
    "{{ states('switch.a') }}",  # a text that is true or not
    "{{ state_attr('sensor.a', 'level') }}",  # a number or nothing
    "{{ states('sensor.b') | float(0) }}",
)
_TIME_CLAIM = "{{ now().minute % 2 == 0 and states('sensor.a') | float(0) > 8 }}"
_VALUES = (
    "{{ trigger.id }}",
    "{{ trigger.idx }}",
    "{{ trigger.platform }}",
    "{{ trigger.alias }}",
    "{{ trigger.description }}",
    "{{ trigger.entity_id | default('none') }}",
    "{{ trigger.to_state.state if trigger.to_state else 'none' }}",
    "{{ trigger.from_state.state | default('none') }}",
    "{{ trigger.to_state.attributes.level | default('none') }}",
    "{{ trigger.event.data.n | default(-1) }}",
    "{{ trigger.for.total_seconds() | round(3) if trigger.for else 0 }}",
    "{{ trigger.below | default('none') }}",
    "{{ states('sensor.a') }}",
    "{{ states('sensor.a') | float(0) * 2 }}",
    "{{ states('sensor.b') | int(-1) }}",
    "{{ state_attr('sensor.a', 'level') }}",
    "{{ is_state('switch.a', 'on') }}",
    "{{ has_value('sensor.b') }}",
    "{{ states.switch.b.state | upper }}",
    "{{ now().strftime('%H:%M:%S') }}",
    "{{ now().isoformat()[:10] }}",
    "{{ iif(is_state('switch.b', 'on'), 'yes', 'no') }}",
    "{{ (states('sensor.a') | float(0) / 3) | round(2) }}",
    "{{ [states('switch.a'), states('switch.b')] | join('-') }}",
    "{{ {'a': states('sensor.a'), 'b': [1, 2.5]} }}",
    "{{ states('sensor.a').split('.') }}",
    "level {{ states('sensor.a') }} of {{ states('input_number.limit') }}",
    "0{{ states('sensor.a') }}",
    "{{ none }}",
    "{{ context.id is defined }}",
)


def claim(draft: Draft) -> str:
    """A template that is true at times."""
    return draft.pick(_TRICKY_CLAIMS if draft.chance(0.2) else _CLAIMS)


def time_claim(draft: Draft) -> str:
    """A template that changes with the time of day."""
    draft.use("template with now")
    return _TIME_CLAIM


def value(draft: Draft, names: tuple[str, ...]) -> Any:
    """What a call may say: a plain value, or a template over the world and the names in sight."""
    if draft.chance(0.1):
        return draft.pick((1, 2.5, "text", True, None, [1, "b"], {"deep": [1, {"deeper": "{{ 1 + 1 }}"}]}))
    if names and draft.chance(0.5):
        return jinja(draft.pick(names))
    if draft.chance(0.03):
        draft.use("template error")
        return "{{ states('sensor.a') | float }}"
    return draft.pick(_VALUES)


def numeric_bounds(draft: Draft, element: str) -> dict[str, Any]:
    """`above`, `below` or both, from numbers or from an entity."""
    low = draft.pick((7.5, 10, 12))
    kind = draft.pick(("above", "below", "above and below", "above an entity", "below an entity"))
    draft.use(f"{element}: {kind}")
    options: dict[str, dict[str, Any]] = {
        "above": {"above": low},
        "below": {"below": draft.pick((12.5, 15, 20))},
        "above and below": {"above": low, "below": draft.pick((17.5, 20))},
        "above an entity": {"above": LIMIT},
        "below an entity": {"below": LIMIT},
    }
    return options[kind]


def numeric_source(draft: Draft, element: str) -> dict[str, Any]:
    """Which number of an entity a numeric trigger or condition looks at."""
    kind = draft.pick(("state", "state", "state", "attribute", "value_template"))
    if kind == "state":
        return {}
    draft.use(f"{element}: {kind}")
    if kind == "attribute":
        return {"attribute": "level"}
    return {"value_template": draft.pick(("{{ state.state | float(0) + 2 }}", "{{ state.attributes.level }}"))}


def one_or_list(draft: Draft, options: tuple[str, ...], element: str) -> Any:
    """One name, or a list of them."""
    if draft.chance(0.3):
        draft.use(f"{element}: list")
        return draft.some(options, 2)
    return draft.pick(options)
