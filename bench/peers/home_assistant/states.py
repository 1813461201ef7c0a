"""State writes by `states.async_set`, until the loop is idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event

from bench.peers.home_assistant.running import Figures, attributes, entity_id, with_hass
from bench.timing import Params, numbers_text, rate, whole


def no_listener(params: Params) -> Figures:
    """Nobody listens."""
    return with_hass(params, lambda hass: _writes(hass, params, lambda: 0, heard_share=0.0))


def one_listener(params: Params) -> Figures:
    """One callback hears all changes."""

    async def work(hass: HomeAssistant) -> Figures:
        heard = _Counter()
        hass.bus.async_listen(EVENT_STATE_CHANGED, heard.hear)
        return await _writes(hass, params, lambda: heard.count, heard_share=1.0)

    return with_hass(params, work)


def keyed_trackers(params: Params) -> Figures:
    """A thousand callbacks each follow one entity; most entities nobody follows."""

    async def work(hass: HomeAssistant) -> Figures:
        heard = _Counter()
        entities, trackers = whole(params, "entities"), whole(params, "trackers")
        for position in range(0, entities, entities // trackers):
            async_track_state_change_event(hass, [entity_id(position)], heard.hear)
        return await _writes(hass, params, lambda: heard.count, heard_share=trackers / entities)

    return with_hass(params, work)


def same_value(params: Params) -> Figures:
    """The same value is reported again; nobody listens."""
    return with_hass(params, lambda hass: _writes(hass, params, lambda: 0, heard_share=0.0, is_same=True))


class _Counter:
    def __init__(self) -> None:
        self.count = 0

        def hear(event: Event) -> None:
            self.count += 1

        self.hear = callback(hear)


async def _writes(
    hass: HomeAssistant, params: Params, heard: Callable[[], int], *, heard_share: float, is_same: bool = False
) -> Figures:
    entities, passes = whole(params, "entities"), whole(params, "passes")
    ids = [entity_id(position) for position in range(entities)]
    given = [attributes(position) for position in range(entities)]
    next_turn = count(1).__next__
    prepared: list[list[str]] = []
    heard_before = 0

    def prepare() -> None:
        nonlocal heard_before
        turns = [0 if is_same else next_turn() for _ in range(passes)]
        prepared[:] = [numbers_text(entities, turn) for turn in turns]
        heard_before = heard()

    async def write_all() -> int:
        write = hass.states.async_set
        for values in prepared:
            for name, value, attribute in zip(ids, values, given, strict=True):
                write(name, value, attribute)
            await asyncio.sleep(0)
        await hass.async_block_till_done()
        return entities * passes

    def check(done: int) -> None:
        assert heard() - heard_before == round(done * heard_share), "a listener missed a change"
        for position in range(0, entities, 97):
            state = hass.states.get(ids[position])
            assert state is not None
            assert (state.state, dict(state.attributes)) == (prepared[-1][position], given[position])

    return {"writes_per_s": await rate(write_all, whole(params, "repetitions"), before=prepare, after=check)}
