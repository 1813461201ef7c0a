"""What a transaction costs the processor on each kind of link; the meter is another process."""

from __future__ import annotations

import asyncio

from bench.field.responder import responding
from bench.ours.running import Figures
from bench.timing import Params, cpu_s, whole
from hub.contracts.links import Function, Request
from hub.core.clock import SystemClock
from plugins.kpm_modbus.wire import open_link

READ = Request(unit=5, function=Function.READ_HOLDING_REGISTERS, address=0, count=60)
TIMEOUT_S = 5.0

# 230400 baud: gaps of 1.75 ms are kept all the same, and a sleep costs time too.
_FORMS = {
    "tcp": "tcp://127.0.0.1:{}",
    "tcp-rtu": "tcp-rtu://127.0.0.1:{}?baud=230400&slave_gap_ms=0",
    "serial": "serial://{}?baud=230400&slave_gap_ms=0",
}


def tcp(params: Params) -> Figures:
    """Modbus TCP."""
    return {"one_us": _used_us(params, "tcp", 1), "many_us": _used_us(params, "tcp", whole(params, "links"))}


def tcp_rtu(params: Params) -> Figures:
    """RTU over TCP."""
    many_us = _used_us(params, "tcp-rtu", whole(params, "links"))
    return {"one_us": _used_us(params, "tcp-rtu", 1), "many_us": many_us}


def serial(params: Params) -> Figures:
    """RTU on a pseudo-terminal."""
    return {"one_us": _used_us(params, "serial", 1)}


def _used_us(params: Params, scheme: str, links: int) -> float:
    transactions = whole(params, "transactions")
    with responding(params, scheme) as where:
        return asyncio.run(_ask(_FORMS[scheme].format(where), links, transactions // links)) / transactions


async def _ask(url: str, links: int, each: int) -> float:
    made = [open_link(url, SystemClock()) for _ in range(links)]
    for link in made:
        await link.transact(READ, TIMEOUT_S)
    began_s = cpu_s()

    async def ask(number: int) -> None:
        for _ in range(each):
            await made[number].transact(READ, TIMEOUT_S)

    await asyncio.gather(*(ask(number) for number in range(links)))
    used_us = 1e6 * (cpu_s() - began_s)
    for link in made:
        await link.close()
    return used_us
