"""The parts of a running core, held together: what the plugin host builds its facades from."""

from __future__ import annotations

from dataclasses import dataclass

from hub.core.actions import Actions
from hub.core.bus import Bus
from hub.core.clock import Clock
from hub.core.durable import Outbox, Timers
from hub.core.holds import Holds
from hub.core.ids import Ids
from hub.core.queries import Queries
from hub.core.registry import Registry
from hub.core.selectors import Selections
from hub.core.services import Services
from hub.core.staleness import StaleWatch
from hub.core.states import StateMachine
from hub.core.storage import Database
from hub.core.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Kernel:
    """One hub's parts."""

    clock: Clock
    ids: Ids
    supervisor: Supervisor
    bus: Bus
    states: StateMachine
    stale: StaleWatch
    registry: Registry
    selections: Selections
    services: Services
    queries: Queries
    holds: Holds
    db: Database
    """What must survive: registry, plugins' records, journals, timers, outbox."""
    history: Database
    """What may lose its last moments: raw readings and roll-ups."""
    timers: Timers
    outbox: Outbox
    actions: Actions
