"""Relay commands in the middle of full polling: when the write's first byte leaves, and when it is proven."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench.field.site import KPM33B, VirtualField, VirtualHub, in_virtual_time, point_of, virtual_field
from bench.ours.running import Figures
from bench.timing import Params, percentile, whole
from hub.contracts.grants import mint_for_supply
from hub.contracts.ids import Fence
from hub.contracts.relays import RELAYS, CommandResult, Desired, Outcome
from hub.contracts.supply import Intent
from hub.core.context import Context

PERIOD_S = 10.0
SETTLE_S = 60.0
DEADLINE_US = 20_000_000
DEAD = (1, 2, 3)


def healthy(params: Params) -> Figures:
    """All meters answer."""
    return in_virtual_time(params, partial(_commands, params, ()))


def with_dead(params: Params) -> Figures:
    """Three of them do not."""
    return in_virtual_time(params, partial(_commands, params, DEAD))


async def _commands(params: Params, dead: tuple[int, ...], hub: VirtualHub) -> Figures:
    field = await virtual_field(hub, whole(params, "meters"), KPM33B, PERIOD_S)
    field.line.stations.silent.update(dead)
    await hub.advance(SETTLE_S)
    live = [unit for unit in field.units if unit not in dead]
    opened: list[CommandResult] = []
    closed: list[CommandResult] = []
    for turn in range(whole(params, "turns")):
        unit = live[turn % len(live)]
        # The moments wander over the phase of the polls.
        await hub.advance(3.0 + turn * 0.0373 % PERIOD_S)
        opened.append(await _command(field, unit, Desired.OPEN, 2 * turn + 1))
        await hub.advance(2.0 + turn * 0.0537 % PERIOD_S)
        closed.append(await _command(field, unit, Desired.CLOSED, 2 * turn + 2))
    wrong = [one for one in (*opened, *closed) if one.outcome is not Outcome.CONFIRMED]
    assert not wrong, wrong[0]
    return {
        "open_first_byte_s": _p99(opened, _first_byte_s),
        "close_first_byte_s": _p99(closed, _first_byte_s),
        "open_confirmed_s": _p99(opened, _confirmed_s),
        "close_confirmed_s": _p99(closed, _confirmed_s),
    }


async def _command(field: VirtualField, unit: int, desired: Desired, fence: int) -> CommandResult:
    """What supply does: an intent, a grant for it, and the command."""
    now_us = field.hub.clock.now_us()
    intent = Intent(
        point=point_of(0, unit),
        desired=desired,
        seq=Fence(fence),
        decided_us=now_us,
        context=Context("bench", "bench"),
    )
    grant = mint_for_supply(intent, now_us=now_us, expires_us=now_us + DEADLINE_US)
    relays = field.hub.kernel.services.get(RELAYS)
    return await relays.ensure(intent.point, desired, grant, intent.seq, now_us + DEADLINE_US)


def _p99(results: list[CommandResult], took_s: Callable[[CommandResult], float]) -> float:
    return percentile([took_s(one) for one in results], 0.99)


def _first_byte_s(result: CommandResult) -> float:
    assert result.first_byte_us is not None
    return (result.first_byte_us - result.queued_us) / 1e6


def _confirmed_s(result: CommandResult) -> float:
    return (result.finished_us - result.queued_us) / 1e6
