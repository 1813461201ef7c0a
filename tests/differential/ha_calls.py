"""Every service is there, takes anything, and is written down with the rule that called it."""

from __future__ import annotations

import asyncio
from typing import Any

from homeassistant.components.automation import EVENT_AUTOMATION_TRIGGERED
from homeassistant.const import EVENT_CALL_SERVICE
from homeassistant.core import (
    Event,
    HomeAssistant,
    Service,
    ServiceCall,
    ServiceRegistry,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import entity_registry

OWN = {"automation", "script", "homeassistant"}


class Calls:
    """The calls that rules made, in order."""

    def __init__(self, responses: dict[str, Any]) -> None:
        self.made: list[dict[str, Any]] = []
        self.responses = responses
        self.is_open = False
        self._rule_of_context: dict[str, str | None] = {}

    def follow(self, hass: HomeAssistant) -> None:
        """Write down what happens in a Home Assistant from now on."""
        self._rule_of_context.clear()
        self.is_open = True

        def note_run(event: Event[Any]) -> None:
            entry = entity_registry.async_get(hass).async_get(event.data["entity_id"])
            self._rule_of_context[event.context.id] = entry.unique_id if entry else event.data["name"]

        def note_call(event: Event[Any]) -> None:
            rule = self._rule_of_context.get(event.context.id)
            if rule is None or not self.is_open:
                return
            self.made.append(
                {
                    "t": round(asyncio.get_running_loop().time(), 6),
                    "rule": rule,
                    "action": f"{event.data['domain']}.{event.data['service']}",
                    "data": plain(event.data["service_data"]),
                }
            )

        hass.bus.async_listen(EVENT_AUTOMATION_TRIGGERED, callback(note_run))
        hass.bus.async_listen(EVENT_CALL_SERVICE, callback(note_call))


def plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(one) for one in value), key=str)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


class _AnyName(dict[str, Any]):
    """The services of a domain: those that were registered, and on demand any other."""

    def __init__(self, domain: str, calls: Calls) -> None:
        super().__init__()
        self._domain = domain
        self._calls = calls

    def __missing__(self, name: str) -> Service:
        def answer(call: ServiceCall) -> Any:
            return self._calls.responses.get(f"{self._domain}.{name}", {}) if call.return_response else None

        service = Service(callback(answer), None, self._domain, name, supports_response=SupportsResponse.OPTIONAL)
        self[name] = service
        return service

    def __contains__(self, name: object) -> bool:
        return True


class _AnyDomain(dict[str, Any]):
    """All domains of services."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls

    def __missing__(self, domain: str) -> dict[str, Any]:
        self[domain] = services = {} if domain in OWN else _AnyName(domain, self._calls)
        return services

    def __contains__(self, domain: object) -> bool:
        return domain not in OWN or super().__contains__(domain)


def service_registry(hass: HomeAssistant, calls: Calls) -> ServiceRegistry:
    """A registry of services in which every name stands."""
    registry = ServiceRegistry(hass)
    registry._services = _AnyDomain(calls)
    return registry
