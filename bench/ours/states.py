"""State writes: every field filled, the value always another one, visible to `get` on return."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

from bench.ours.running import OWNER, Figures, attributes, entity_id, with_hub
from bench.timing import Params, numbers_text, rate, whole
from hub.core.hub import Hub
from hub.core.states import GOOD, StateChanged

SOURCE_US = 1_790_000_000_000_000


def no_listener(params: Params) -> Figures:
    """Nobody listens."""
    return with_hub(params, lambda hub: _writes(hub, params, lambda: 0, heard_share=0.0))


def one_listener(params: Params) -> Figures:
    """One plain function hears all changes."""

    async def work(hub: Hub) -> Figures:
        heard = _Counter()
        hub.kernel.bus.subscribe(StateChanged, heard, owner=OWNER)
        return await _writes(hub, params, lambda: heard.count, heard_share=1.0)

    return with_hub(params, work)


def keyed_trackers(params: Params) -> Figures:
    """A thousand plain functions each follow one entity; most entities nobody follows."""

    async def work(hub: Hub) -> Figures:
        heard = _Counter()
        entities, trackers = whole(params, "entities"), whole(params, "trackers")
        for position in range(0, entities, entities // trackers):
            hub.kernel.bus.subscribe(StateChanged, heard, key=entity_id(position), owner=OWNER)
        return await _writes(hub, params, lambda: heard.count, heard_share=trackers / entities)

    return with_hub(params, work)


def same_value(params: Params) -> Figures:
    """The same value is reported again; nobody listens."""
    return with_hub(params, lambda hub: _writes(hub, params, lambda: 0, heard_share=0.0, is_same=True))


class _Counter:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, event: StateChanged) -> None:
        self.count += 1


async def _writes(
    hub: Hub, params: Params, heard: Callable[[], int], *, heard_share: float, is_same: bool = False
) -> Figures:
    entities, passes = whole(params, "entities"), whole(params, "passes")
    ids = [entity_id(position) for position in range(entities)]
    given = [attributes(position) for position in range(entities)]
    next_turn = count(1).__next__
    prepared: list[list[float]] = []
    heard_before = 0

    def prepare() -> None:
        nonlocal heard_before
        turns = [0 if is_same else next_turn() for _ in range(passes)]
        prepared[:] = [[float(text) for text in numbers_text(entities, turn)] for turn in turns]
        heard_before = heard()

    async def write_all() -> int:
        write = hub.kernel.states.set
        for values in prepared:
            for name, value, attribute in zip(ids, values, given, strict=True):
                write(name, value, unit="V", source_us=SOURCE_US, attributes=attribute)
            await asyncio.sleep(0)
        return entities * passes

    def check(done: int) -> None:
        assert heard() - heard_before == round(done * heard_share), "a listener missed a change"
        _check_samples(hub, prepared[-1])

    return {"writes_per_s": await rate(write_all, whole(params, "repetitions"), before=prepare, after=check)}


def _check_samples(hub: Hub, values: list[float]) -> None:
    for position in range(0, len(values), 97):
        state = hub.kernel.states.get(entity_id(position))
        assert state is not None
        assert (state.value, state.unit, state.quality, state.source_us) == (values[position], "V", GOOD, SOURCE_US)
        assert state.reported_us >= state.updated_us >= state.changed_us > 0
        assert dict(state.attributes) == attributes(position)
        assert state.context.id
