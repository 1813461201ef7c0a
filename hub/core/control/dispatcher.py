"""Carries out requests: call an action, ask a query, subscribe to states; whoever the front end is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from hub.core import context as contexts
from hub.core.actions import OnUnknown
from hub.core.config import ConfigErrors, redact
from hub.core.context import Context
from hub.core.errors import HubError
from hub.core.kernel import Kernel
from hub.core.plugins import PluginChanged
from hub.core.principals import Principal
from hub.core.selectors import Selector, subscribe_selection
from hub.core.states import State, StateChanged

log = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], None]
Unsubscribe = Callable[[], None]


class BadRequest(HubError):
    """A request that the dispatcher does not understand."""


class Dispatcher:
    """One for a hub; a `Session` for each connection."""

    def __init__(self, kernel: Kernel) -> None:
        """Serve a kernel's actions, queries and states."""
        self.kernel = kernel

    def session(self, principal: Principal, send: Send) -> Session:
        """Begin a session in a principal's name; answers and events go to `send`."""
        return Session(self.kernel, principal, send)


class Session:
    """One connection's requests and subscriptions."""

    def __init__(self, kernel: Kernel, principal: Principal, send: Send) -> None:
        """Start without subscriptions."""
        self._kernel = kernel
        self._principal = principal
        self._send = send
        self._subscriptions: dict[int | str | None, Unsubscribe] = {}

    async def handle(self, request: Mapping[str, Any]) -> None:
        """Carry out one request and send its answer."""
        number = request.get("id")
        if not isinstance(number, (int, str, type(None))):
            self._answer_error(None, BadRequest("a request's id is a whole number or a text"))
            return
        cause = Context(self._kernel.ids.new(), self._principal.actor)
        with contexts.use(cause):
            try:
                result = await self._perform(request)
                self._send({"id": number, "ok": True, "result": result})
            except (HubError, ConfigErrors, ValueError) as error:
                self._answer_error(number, error)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("request %r failed", request.get("op"))
                self._answer_error(number, error)

    def close(self) -> None:
        """End all subscriptions."""
        while self._subscriptions:
            _, unsubscribe = self._subscriptions.popitem()
            unsubscribe()

    async def _perform(self, request: Mapping[str, Any]) -> object:
        match request.get("op"):
            case "call":
                return await self._kernel.actions.call(
                    _text(request, "action"),
                    _mapping(request, "data"),
                    principal=self._principal,
                    key=_text(request, "key") if request.get("key") is not None else None,
                    on_unknown=_on_unknown(request),
                )
            case "query":
                return await self._kernel.queries.ask(
                    _text(request, "name"), _mapping(request, "params"), self._principal
                )
            case "subscribe":
                return self._subscribe(request)
            case "unsubscribe":
                return self._unsubscribe(request.get("subscription"))
            case other:
                raise BadRequest(f"unknown op {other!r}; there are call, query, subscribe and unsubscribe")

    def _subscribe(self, request: Mapping[str, Any]) -> object:
        number = request.get("id")
        if number in self._subscriptions:
            raise BadRequest(f"id {number!r} names a subscription already")
        what = _text(request, "what")
        if what == "states":
            selector = Selector(globs=_globs(request))
            self._subscriptions[number] = subscribe_selection(
                self._kernel.bus, self._kernel.selections, StateChanged,
                lambda event: self._tell_state(number, event.entity_id, event.new), selector, owner="control",
            )  # fmt: skip
        elif what == "plugins":
            self._subscriptions[number] = self._kernel.bus.subscribe(
                PluginChanged,
                lambda event: self._send(
                    {
                        "id": number,
                        "event": {"plugin": event.name, "state": event.state.value, "reason": event.reason},
                    }
                ),
                owner="control",
            )
        else:
            raise BadRequest(f"nothing to subscribe to is called {what!r}; there are states and plugins")
        return {"subscription": number}

    def _unsubscribe(self, subscription: object) -> bool:
        if not isinstance(subscription, (int, str)) or subscription not in self._subscriptions:
            return False
        self._subscriptions.pop(subscription)()
        return True

    def _tell_state(self, number: object, entity_id: str, state: State | None) -> None:
        if self._principal.sees("entity", entity_id):
            shown = None if state is None else show_state(state)
            self._send({"id": number, "event": {"entity_id": entity_id, "state": shown}})

    def _answer_error(self, number: object, error: BaseException) -> None:
        self._send(
            {"id": number, "ok": False, "error": {"type": type(error).__name__, "message": redact(str(error))}}
        )


def show_state(state: State) -> dict[str, Any]:
    """A state as programs outside read it."""
    return {
        "entity_id": state.entity_id,
        "value": state.value,
        "text": state.text,
        "unit": state.unit,
        "quality": state.quality.value,
        "source_time": state.source_time,
        "changed_at": state.changed_at,
        "updated_at": state.updated_at,
        "reported_at": state.reported_at,
        "attributes": dict(state.attributes),
        "actor": state.context.actor,
        "context": state.context.id,
    }


def _text(request: Mapping[str, Any], field: str) -> str:
    value = request.get(field)
    if not isinstance(value, str):
        raise BadRequest(f"the request needs {field!r} as text")
    return value


def _mapping(request: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = request.get(field)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(f"{field!r} must be a mapping")
    return value or {}


def _globs(request: Mapping[str, Any]) -> tuple[str, ...]:
    value = request.get("match")
    if value is None:
        return ("*",)
    if not isinstance(value, list) or not value or not all(isinstance(glob, str) for glob in value):
        raise BadRequest("'match' must be a list of patterns, such as [\"sensor.*\"]")
    return tuple(value)


def _on_unknown(request: Mapping[str, Any]) -> OnUnknown:
    match request.get("on_unknown", "raise"):
        case "raise":
            return "raise"
        case "repeat":
            return "repeat"
        case "skip":
            return "skip"
        case other:
            raise BadRequest(f"'on_unknown' must be raise, repeat or skip, not {other!r}")
