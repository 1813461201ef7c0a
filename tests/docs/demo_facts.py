"""What a running demo hub knows of itself: actions, queries, entities and plugins, to compare the docs with."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hub.core.actions import Action
from hub.core.ids import SeededIds
from hub.core.plugins import PluginState, discover
from hub.core.principals import OWNER
from hub.core.site import load_site
from hub.sim import VirtualClock, VirtualLoop, run_virtual
from hub.sim.demo import copy_site
from hub.testing.harness import make_hub


@dataclass(frozen=True, slots=True)
class Facts:
    """Taken once from a hub that ran for a minute; `check` of an action needs no hub."""

    actions: Mapping[str, Action]
    queries: frozenset[str]
    entities: Mapping[str, tuple[str, ...]]
    """Entity ids by owner."""
    plugins: frozenset[str]


@functools.cache
def demo() -> Facts:
    """Run the demo site in virtual time, with the plugins of this distribution only."""

    async def main(loop: VirtualLoop) -> Facts:
        with TemporaryDirectory() as folder:
            copy_site(Path(folder))
            found = [one for one in discover().found.values() if one.is_ours]
            clock = VirtualClock(loop)
            hub = make_hub(load_site(Path(folder)), clock, SeededIds(1), found)
            await hub.start()
            try:
                await clock.sleep(60)
                states = {status.name: status.state for status in hub.plugins.statuses()}
                assert set(states.values()) == {PluginState.RUNNING}, states
                kernel = hub.kernel
                entities: dict[str, list[str]] = {}
                for entity in kernel.registry.entities(OWNER):
                    entities.setdefault(entity.owner, []).append(entity.entity_id)
                return Facts(
                    actions={action.name: action for action in kernel.actions.all()},
                    queries=frozenset(query.name for query in kernel.queries.all()),
                    entities={owner: tuple(ids) for owner, ids in entities.items()},
                    plugins=frozenset(states),
                )
            finally:
                await hub.stop()

    return run_virtual(main)
