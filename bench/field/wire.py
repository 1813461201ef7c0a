"""How near a bus comes to its physical limit: 32 meters, polled as fast as one wire at 9600 8E1 allows."""

from __future__ import annotations

import asyncio
import struct

from bench.field.server_process import SIXTY, serving
from bench.field.site import (
    LIMIT_S,
    TIMING,
    TURN_S,
    VirtualHub,
    bus_section,
    in_virtual_time,
    named_profile,
    point_of,
    real_field,
    virtual_field,
)
from bench.ours.running import Figures
from bench.timing import Params, folder, whole
from hub.contracts.links import Function, Request
from plugins.kpm_modbus.bus import BusWorker
from plugins.kpm_modbus.wire import WireRecord


def virtual(params: Params) -> Figures:
    """In virtual time: what the schedule and the gaps leave of the wire."""

    async def work(hub: VirtualHub) -> Figures:
        field = await virtual_field(hub, whole(params, "meters"), SIXTY, _shortest_s(params))
        await hub.advance(float(whole(params, "span_s")))
        return _achieved(field.worker)

    return in_virtual_time(params, work)


def pty(params: Params) -> Figures:
    """In real time, on a pseudo-terminal of another process."""
    return asyncio.run(_real(params, "pty"))


def tcp(params: Params) -> Figures:
    """In real time, by RTU over TCP to another process."""
    return asyncio.run(_real(params, "tcp-rtu://127.0.0.1:0"))


async def _real(params: Params, listen: str) -> Figures:
    meters = whole(params, "meters")
    with serving(params, listen=listen, profile=SIXTY, meters=meters) as server:
        (bus,) = server.buses
        link = bus.url if "://" in bus.url else f"serial://{bus.url}"
        profile = named_profile(folder(params), SIXTY)
        section = bus_section(0, link, profile, bus.serials, _shortest_s(params))
        async with real_field(params, [section]) as (_, plugin):
            worker = plugin.place(point_of(0, 1)).worker
            await asyncio.sleep(whole(params, "span_s"))
            return _achieved(worker)


def _shortest_s(params: Params) -> float:
    """A period that no bus can keep: so that there is always a poll to do. The next millisecond is not refused."""
    return LIMIT_S * whole(params, "meters") + 0.001


def _achieved(worker: BusWorker) -> Figures:
    """What the link's last transactions take at least, over what they took: from request to request.

    A meter that answered late is read in two parts from then on, for the commands' sake; each counts as what it is.
    """
    record = getattr(worker.link, "record", None)
    assert isinstance(record, WireRecord)
    assert not worker.health.failures, worker.health.failures
    sent = [note for note in record.frames if note.direction == "sent"]
    span_s = (sent[-1].at_us - sent[0].at_us) / 1e6
    limit_s = sum(TIMING.transaction_s(_asked(note.frame), TURN_S) for note in sent[:-1])
    return {"share": limit_s / span_s, "limit_ms": 1000 * LIMIT_S, "per_s": (len(sent) - 1) / span_s}


def _asked(frame: bytes) -> Request:
    unit, function, address, count = struct.unpack_from(">BBHH", frame)
    return Request(unit=unit, function=Function(function), address=address, count=count)
