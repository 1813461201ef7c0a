"""What of Home Assistant's language is refused, and what to write instead; and what providers can add."""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType

_DEVICE = "belongs to Home Assistant's device pages; use {instead} with the device's entities"
_PEOPLE = "follows people and phones, which this hub does not know; use {instead} with an entity that tells"

REFUSED_TRIGGERS = MappingProxyType(
    {
        "device": _DEVICE.format(instead="a `state` or `numeric_state` trigger"),
        "zone": _PEOPLE.format(instead="a `state` trigger"),
        "geo_location": _PEOPLE.format(instead="a `state` trigger"),
        "tag": "reads Home Assistant's NFC tags; use an `event` or `webhook` trigger",
        "conversation": "listens to speech; use an `event` or `webhook` trigger",
        "persistent_notification": (
            "watches Home Assistant's own notices, which this hub does not have; use an `event` trigger"
        ),
        "scene": "belongs to Home Assistant's lights; use a `state` trigger",
    }
)
REFUSED_CONDITIONS = MappingProxyType(
    {
        "device": _DEVICE.format(instead="a `state` or `numeric_state` condition"),
        "zone": _PEOPLE.format(instead="a `state` condition"),
    }
)
REFUSED_STEPS = MappingProxyType(
    {
        "device_id": _DEVICE.format(instead="an `action` step"),
        "scene": "sets Home Assistant's lights; call the actions one by one, or a script",
        "set_conversation_response": "answers speech; use `stop` with a `response_variable`, or a notify action",
    }
)

PROVIDED_TRIGGERS = MappingProxyType(
    {
        "webhook": ("webhook_id", "allowed_methods", "local_only"),
        "mqtt": ("topic", "payload", "value_template", "encoding", "qos"),
        "calendar": ("entity_id", "event", "offset"),
        "sun": ("event", "offset"),
    }
)
"""The triggers that other plugins may provide, and the keys of each."""

_INSTEAD = MappingProxyType(
    {
        "webhook": "an `event` trigger",
        "mqtt": "a `state` trigger on an entity",
        "calendar": "`time` triggers and `time` conditions",
        "sun": "a `time` trigger or a `time` condition",
    }
)


def without_provider(name: str, kind: str, providers: Collection[str]) -> str:
    """Why a trigger or condition is refused when no plugin that provides it is loaded."""
    loaded = ", ".join(sorted(providers)) or "none"
    return (
        f"the {kind} `{name}` needs a plugin that provides {name!r}, and none is loaded (loaded providers: "
        f"{loaded}); load one in hub.yaml, or use {_INSTEAD.get(name, 'another ' + kind)}"
    )
