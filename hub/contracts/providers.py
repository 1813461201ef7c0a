"""What starts rules from outside: plugins provide the triggers `webhook`, `mqtt`, `calendar` and `sun`.

A plugin whose manifest says `provides=(provider_key("webhook"),)` offers a `TriggerProvider` under that key in
its `setup`. Without it, rules with that trigger are refused at load. Who knows when the sun rises also offers
`SUN`, for conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Literal, Protocol, TypeAlias

from hub.core.context import Context
from hub.core.services import ServiceKey

PROVIDERS = ("webhook", "mqtt", "calendar", "sun")
"""The triggers that can be provided."""

Fire: TypeAlias = Callable[[Mapping[str, object], Context], object]
"""Called on the loop with what the trigger adds to `trigger`: `{"topic": ..., "payload": ...}`."""


class TriggerProvider(Protocol):
    """Watches something outside for rules."""

    def attach(self, config: Mapping[str, object], fire: Fire) -> Callable[[], None]:
        """Watch what a trigger is configured for, its templates rendered, and call `fire` each time it happens.

        The result stops it. Raises `ValueError` with what is wrong with the configuration. What happens while
        nobody is attached is not made up for. A `description` in what is passed to `fire` is shown in traces.
        """


class SunTimes(Protocol):
    """Knows when the sun rises and sets where the site is."""

    def time_of(self, event: Literal["sunrise", "sunset"], day: date) -> datetime | None:
        """The instant of a sunrise or sunset on a local day, aware; None on a day without one."""


SUN: ServiceKey[SunTimes] = ServiceKey("providers.sun_times")

_KEYS: dict[str, ServiceKey[TriggerProvider]] = {name: ServiceKey(f"providers.{name}") for name in PROVIDERS}


def provider_key(name: str) -> ServiceKey[TriggerProvider]:
    """The key under which a trigger is provided."""
    return _KEYS[name]
