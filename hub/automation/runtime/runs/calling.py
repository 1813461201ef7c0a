"""How a run calls actions: under the key of its step, again and again while the store fails."""

from __future__ import annotations

import logging
from itertools import count
from typing import NamedTuple, Protocol

from hub.core.actions import CallEnded, Effect, InvalidCall, OnUnknown
from hub.core.clock import Clock
from hub.core.errors import NotAllowed, NotFound
from hub.core.ids import Ids
from hub.core.plugins import PluginHub
from hub.core.principals import OWNER, Principal
from hub.core.storage import ConstraintViolated, StorageError, StorageRefused
from hub.core.supervisor import Backoff

log = logging.getLogger(__name__)

PAUSE = Backoff(first_s=1.0, cap_s=30.0)

START_GRACE_S = 120.0
"""How long a run that resumes waits for an action that nobody offers yet: its plugin may start later."""

MISTAKES = (NotFound, InvalidCall, NotAllowed)
"""What is wrong with the rule itself; `continue_on_error` does not pass over it."""


class Asked(NamedTuple):
    """One call as a run makes it."""

    rule_id: str
    """The rule, or the script that a person called, at the root of the calls."""
    run_id: str
    path: str
    key: str
    """The same whenever this call is made again."""
    action: str
    data: dict[str, object]
    wants_response: bool
    is_again: bool
    """The run has resumed here: the call may have been made before."""
    on_unknown: OnUnknown


class Caller(Protocol):
    """Makes calls."""

    def call(self, asked: Asked) -> object:
        """The response, or a coroutine of it; raises what the action raises."""


class HubCaller:
    """Makes calls through the hub's actions, in the name of the rule."""

    def __init__(self, hub: PluginHub) -> None:
        """Call the actions of a hub."""
        self._actions = hub.actions
        self._clock: Clock = hub.clock
        self._ids: Ids = hub.ids
        self._principals: dict[str, Principal] = {}

    def _is_level(self, action: str) -> bool:
        try:
            return self._actions.get(action).effect is Effect.LEVEL
        except NotFound:
            return False

    async def call(self, asked: Asked) -> object:
        """The response, once the effect stands."""
        principal = self._principals.get(asked.rule_id)
        if principal is None:
            principal = Principal(f"rule:{asked.rule_id}", OWNER.permissions)
            self._principals[asked.rule_id] = principal
        # The run keeps account of what it has called; a second account would cost two more transactions for a call
        # that may be repeated anyway.
        key = None if self._is_level(asked.action) else asked.key
        waited_s = 0.0
        for attempt in count(1):
            try:
                return await self._actions.call(
                    asked.action, asked.data, principal=principal, key=key, on_unknown=asked.on_unknown
                )
            except (ConstraintViolated, StorageRefused):
                raise
            except (StorageError, CallEnded) as error:
                log.warning("step %s waits for %s: %s", asked.key, asked.action, error)
            except NotFound as error:
                if not asked.is_again or waited_s >= START_GRACE_S:
                    raise
                log.warning("step %s waits for %s: %s", asked.key, asked.action, error)
            pause_s = PAUSE.pause_s(attempt, self._ids)
            waited_s += pause_s
            await self._clock.sleep(pause_s)
        raise AssertionError("unreachable: the loop above ends by returning or raising")
