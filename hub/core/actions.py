"""Named actions: everything that rules, the command line, the API and the console can make the hub do.

Each has one effect class, which says what a repeat under the same key means:

- `tx`: the handler is `fn(tx, call)`; its effect, the key and the result commit together.
- `level`: the handler sets something to a state; doing it again is harmless.
- `outbox`: the call is put in the outbox under its key, the handler delivers it, at least once.
- `unsafe`: after a crash in mid-call nobody knows; the caller says what then (`on_unknown`).
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, NamedTuple, TypeAlias

import voluptuous as vol

from hub.core import context as contexts
from hub.core.bus import Bus, Event
from hub.core.clock import Clock
from hub.core.codec import decode, digest, encode
from hub.core.config.suggest import did_you_mean
from hub.core.context import Context
from hub.core.durable import KeyReused, Outbox, OutboxItem
from hub.core.errors import HubError, NotFound
from hub.core.faultpoints import point
from hub.core.ids import Ids
from hub.core.principals import OWNER, Principal
from hub.core.storage import Database, Row, Tx
from hub.core.supervisor import Supervisor

log = logging.getLogger(__name__)

KEYS_KEPT_US = 400 * 86_400 * 1_000_000

CALL_LIMIT_S = 60.0
"""How long a handler may take, unless its action says otherwise."""


class Effect(Enum):
    """What a repeat of the same call means."""

    TX = "tx"
    LEVEL = "level"
    OUTBOX = "outbox"
    UNSAFE = "unsafe"


class InvalidCall(HubError):
    """The data of a call does not fit the action's schema."""


class UnknownOutcome(HubError):
    """An unsafe call stopped in its middle; nobody knows whether it took effect."""


class CallTimedOut(HubError):
    """A handler took longer than its action's `limit_s`; it was cancelled."""


class CallEnded(HubError):
    """The action's owner was stopped in the middle of a call."""


class NothingDone(HubError):
    """Raised by an unsafe handler that failed before it did anything: the key is free again."""


class Call(NamedTuple):
    """One call as its handler sees it."""

    action: str
    data: Mapping[str, Any]
    principal: Principal
    context: Context
    key: str | None = None


TxHandler: TypeAlias = Callable[[Tx, Call], object]
AsyncHandler: TypeAlias = Callable[[Call], Awaitable[object]]
OnUnknown: TypeAlias = Literal["raise", "repeat", "skip"]


@dataclass(frozen=True, slots=True)
class Action:
    """What is known of an action: enough to check a call, to draw a form and to write its documentation."""

    name: str
    owner: str
    effect: Effect
    description: str
    permission: str
    schema: Mapping[Any, Any] | None
    returns: str | None
    """What the response holds, in words; None for an action without one."""
    handler: TxHandler | AsyncHandler
    limit_s: float
    validate: Callable[[Any], Any] | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionKeyReused(Event):
    """A key came again with another payload: an alarm for people."""

    action: str
    idempotency_key: str


class Actions:
    """All actions of a hub, by name."""

    def __init__(
        self, db: Database, outbox: Outbox, bus: Bus, clock: Clock, ids: Ids, supervisor: Supervisor
    ) -> None:
        """Start with none; calls under a key run as tasks of the action's owner and end with it."""
        self._db = db
        self._outbox = outbox
        self._bus = bus
        self._clock = clock
        self._ids = ids
        self._supervisor = supervisor
        self._actions: dict[str, Action] = {}
        self._in_flight: dict[tuple[str, str], tuple[str, asyncio.Task[object]]] = {}

    def register(
        self,
        name: str,
        handler: TxHandler | AsyncHandler,
        *,
        owner: str,
        effect: Effect,
        description: str,
        schema: Mapping[Any, Any] | None = None,
        permission: str | None = None,
        returns: str | None = None,
        limit_s: float = CALL_LIMIT_S,
    ) -> Callable[[], None]:
        """Offer an action under `domain.name`; the result takes it back.

        A coroutine handler is cancelled after `limit_s`; a `tx` handler has the writer's own limits.
        """
        if name in self._actions:
            raise ValueError(f"{owner} cannot offer {name!r}: {self._actions[name].owner} offers it already")
        is_async = inspect.iscoroutinefunction(handler)
        if is_async is (effect is Effect.TX):
            wanted = "a plain function fn(tx, call)" if effect is Effect.TX else "a coroutine function fn(call)"
            raise ValueError(
                f"{owner}: action {name!r} has effect {effect.value!r}, so its handler must be {wanted}"
            )
        action = Action(
            name,
            owner,
            effect,
            description,
            permission or name,
            schema,
            returns,
            handler,
            limit_s,
            vol.Schema(schema) if schema is not None else None,
        )
        self._actions[name] = action
        undo_consumer = (
            self._outbox.consume(
                f"action:{name}", lambda item: self._deliver(action, item), owner=owner, limit_s=limit_s
            )
            if effect is Effect.OUTBOX
            else None
        )

        def withdraw() -> None:
            if self._actions.get(name) is action:
                del self._actions[name]
                if undo_consumer is not None:
                    undo_consumer()

        return withdraw

    def get(self, name: str) -> Action:
        """An action by name; raises `NotFound` with a close name."""
        try:
            return self._actions[name]
        except KeyError:
            hint = did_you_mean(name, self._actions)
            raise NotFound(f"there is no action {name!r}.{hint or ' See `hub action list`.'}") from None

    def all(self) -> list[Action]:
        """All actions, by name."""
        return [self._actions[name] for name in sorted(self._actions)]

    def check(self, name: str, data: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """The data of a call as the action's schema makes it; raises `InvalidCall` with all that is wrong."""
        return self._checked(self.get(name), data or {})

    async def call(
        self,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        principal: Principal = OWNER,
        key: str | None = None,
        on_unknown: OnUnknown = "raise",
    ) -> Any:
        """Do it, and return its response once its effect stands (for `outbox`: once it is safely queued).

        The same key and data return the first response; while the first call is under way, the second waits for
        it; another payload under a used key raises `KeyReused`.
        """
        action = self._actions.get(name) or self.get(name)
        principal.require(action.permission)
        data = self._checked(action, data or {})
        cause = contexts.current()
        if cause is contexts.SYSTEM:
            cause = Context(self._ids.new(), principal.actor)
        call = Call(name, data, principal, cause, key)
        if key is None and action.effect is Effect.LEVEL:  # nothing is recorded: the short way, for most calls
            with contexts.use(cause):
                return await self._handled(action, call)
        if key is None and action.effect is not Effect.UNSAFE:
            return await self._perform(action, call, on_unknown)
        if key is None:
            call = Call(name, data, principal, cause, self._ids.new())
        return await self._once(action, call, on_unknown)

    async def purge(self, now_us: int | None = None) -> int:
        """Forget the results of old calls; how many. A key that old is a new key.

        Give `now_us` where the wall clock's word is not enough: a step of it would forget keys still in use.
        """
        before_us = (self._clock.now_us() if now_us is None else now_us) - KEYS_KEPT_US
        return await self._db.write(
            lambda tx: tx.execute(
                "DELETE FROM core__action_keys WHERE rowid IN"
                " (SELECT rowid FROM core__action_keys WHERE at_us < ? LIMIT 1000)",
                (before_us,),
            ),
            origin="core:purge",
        )

    def call_in(self, tx: Tx, name: str, data: Mapping[str, Any] | None, call: Call) -> Any:
        """Do a `tx` action inside the caller's own transaction, with the caller's principal, context and key."""
        action = self.get(name)
        if action.effect is not Effect.TX:
            raise InvalidCall(f"{name} has effect {action.effect.value!r}; only `tx` actions join a transaction")
        call.principal.require(action.permission)
        return self._in_tx(
            tx, action, Call(name, self._checked(action, data or {}), call.principal, call.context, call.key)
        )

    def _checked(self, action: Action, data: Mapping[str, Any]) -> Mapping[str, Any]:
        if action.validate is None:
            return data
        try:
            checked: Mapping[str, Any] = action.validate(dict(data))
        except vol.Invalid as error:
            errors = error.errors if isinstance(error, vol.MultipleInvalid) else [error]
            listed = "; ".join(self._explain(action, one) for one in errors)
            raise InvalidCall(f"{action.name}: {listed}") from None
        return checked

    @staticmethod
    def _explain(action: Action, error: vol.Invalid) -> str:
        path = ".".join(str(part) for part in error.path)
        if error.error_message == "extra keys not allowed":
            known = [str(name) for name in action.schema or {}]
            return f"unknown field {path!r}.{did_you_mean(path, known) or ' Known: ' + ', '.join(known)}"
        return f"{path}: {error.error_message}" if path else str(error.error_message)

    async def _once(self, action: Action, call: Call, on_unknown: OnUnknown) -> Any:
        assert call.key is not None
        place = (action.name, call.key)
        sha = digest(call.data)
        under_way = self._in_flight.get(place)
        if under_way is not None:
            if under_way[0] != sha:
                self._alarm(call)
                raise self._reused(call)
            return await self._outcome(action, under_way[1])
        task = self._supervisor.watch(
            action.owner, f"action {action.name}", self._perform(action, call, on_unknown)
        )
        self._in_flight[place] = (sha, task)
        task.add_done_callback(lambda done: self._landed(place, done))
        return await self._outcome(action, task)

    @staticmethod
    async def _outcome(action: Action, task: asyncio.Task[object]) -> object:
        """Wait for a call under way; who waits is cancelled only when it is meant itself."""
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if not task.cancelled() or (me is not None and me.cancelling()):
                raise
            raise CallEnded(
                f"{action.name}: {action.owner} was stopped in the middle of the call; "
                "call again with the same key once it runs"
            ) from None

    def _landed(self, place: tuple[str, str], task: asyncio.Task[object]) -> None:
        del self._in_flight[place]
        if not task.cancelled():
            task.exception()  # every waiter may have been cancelled; the outcome is on record all the same

    async def _perform(self, action: Action, call: Call, on_unknown: OnUnknown) -> Any:
        with contexts.use(call.context):
            try:
                if action.effect is Effect.LEVEL:
                    return await self._level(action, call)
                if action.effect is Effect.TX:
                    return await self._db.write(
                        lambda tx: self._in_tx(tx, action, call),
                        owner=action.owner,
                        origin=f"action:{action.owner}",
                    )
                if action.effect is Effect.OUTBOX:
                    return await self._enqueue(action, call)
                return await self._unsafe(action, call, on_unknown)
            except KeyReused:
                self._alarm(call)
                raise

    def _in_tx(self, tx: Tx, action: Action, call: Call) -> Any:
        if call.key is None:
            return action.handler(tx.bound_to(action.owner), call)  # type: ignore[call-arg,arg-type]
        known = self._known(tx, call)
        if known is not None:
            return decode(known["result"])
        result = action.handler(tx.bound_to(action.owner), call)  # type: ignore[call-arg,arg-type]
        self._note(tx, call, "done", result)
        point("actions.tx")
        return decode(encode(result))

    async def _level(self, action: Action, call: Call) -> Any:
        if call.key is not None:
            known = await self._db.write(lambda tx: self._known_result(tx, call))
            if known is not None:
                return decode(known)
        result = await self._handled(action, call)
        if call.key is not None:
            point("actions.level_done")
            await self._db.write(lambda tx: self._note(tx, call, "done", result))
        return result

    @staticmethod
    async def _handled(action: Action, call: Call) -> object:
        limit = asyncio.timeout(action.limit_s)
        try:
            async with limit:
                return await action.handler(call)  # type: ignore[misc,call-arg,arg-type]
        except TimeoutError:
            if not limit.expired():
                raise
            then = (
                "nobody knows whether it took effect, look at the far side"
                if action.effect is Effect.UNSAFE
                else "it may be called again"
            )
            raise CallTimedOut(
                f"{action.name}: {action.owner} did not finish the call within {action.limit_s:g} s; {then}"
            ) from None

    async def _enqueue(self, action: Action, call: Call) -> Any:
        key = call.key or self._ids.new()
        record = {"data": dict(call.data), "actor": call.principal.actor, "key": call.key}

        def put(tx: Tx) -> None:
            self._outbox.put(tx, f"action:{action.name}", key, record, owner=action.owner)

        await self._db.write(put, origin=f"action:{action.owner}")
        return {"queued": key}

    async def _deliver(self, action: Action, item: OutboxItem) -> object:
        call = Call(action.name, item.payload["data"], Principal(item.payload["actor"]), item.context, item.key)
        return await action.handler(call)  # type: ignore[misc,call-arg,arg-type]

    async def _unsafe(self, action: Action, call: Call, on_unknown: OnUnknown) -> Any:
        started = await self._db.write(lambda tx: self._start(tx, call, on_unknown))
        if started is not None:
            return decode(started)
        point("actions.unsafe_started")
        try:
            result = await self._handled(action, call)
        except NothingDone:
            await self._db.write(lambda tx: self._forget(tx, call))
            raise
        point("actions.unsafe_done")
        await self._db.write(lambda tx: self._note(tx, call, "done", result))
        return result

    def _start(self, tx: Tx, call: Call, on_unknown: OnUnknown) -> str | None:
        """Record the start of an unsafe call; the recorded result when it was made before."""
        row = self._known(tx, call)
        if row is not None and row["state"] == "done":
            return str(row["result"])
        if row is not None and on_unknown == "skip":
            return "null"
        if row is not None and on_unknown == "raise":
            raise UnknownOutcome(
                f"{call.action}: the call with key {call.key!r} stopped in its middle, so nobody knows "
                "whether it took effect; look at the far side, then call again with on_unknown 'repeat' or 'skip'"
            )
        self._note(tx, call, "started", None)
        return None

    def _known(self, tx: Tx, call: Call) -> Row | None:
        row = tx.bound_to("core").one(
            "SELECT * FROM core__action_keys WHERE action = ? AND key = ?", (call.action, call.key)
        )
        if row is not None and row["payload_sha"] != digest(call.data):
            raise self._reused(call)
        return row

    def _known_result(self, tx: Tx, call: Call) -> str | None:
        row = self._known(tx, call)
        return None if row is None else str(row["result"])

    def _note(self, tx: Tx, call: Call, state: str, result: object) -> None:
        tx.bound_to("core").execute(
            "INSERT INTO core__action_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (action, key) DO UPDATE SET state = excluded.state, result = excluded.result",
            (
                call.action, call.key, digest(call.data), state, self._ids.boot, encode(result),
                self._clock.now_us(), call.context.id, call.principal.actor,
            ),
        )  # fmt: skip

    @staticmethod
    def _forget(tx: Tx, call: Call) -> None:
        tx.bound_to("core").execute(
            "DELETE FROM core__action_keys WHERE action = ? AND key = ? AND state = 'started'",
            (call.action, call.key),
        )

    def _alarm(self, call: Call) -> None:
        self._bus.publish(ActionKeyReused(context=call.context, action=call.action, idempotency_key=str(call.key)))

    @staticmethod
    def _reused(call: Call) -> KeyReused:
        return KeyReused(
            f"{call.action}: the key {call.key!r} was used before with other data; the first call stands, "
            "make a new key for a new call"
        )
