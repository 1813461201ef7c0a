"""Many meters at their period, over real connections to simulators in another process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from bench.field.server_process import SIXTY, Server, serving
from bench.field.site import KPM33B, bus_section, named_profile, point_of, real_field
from bench.ours.running import Figures
from bench.timing import Params, cpu_s, folder, percentile, resident_bytes, whole
from plugins.kpm_modbus.bus import BusWorker


def many_buses(params: Params) -> Figures:
    """Every meter's power, energy and relay, each period, on hundreds of buses at the pace of their wires."""
    return asyncio.run(_measured(params, KPM33B))


def one_bus(params: Params) -> Figures:
    """One read of 60 registers of every meter, each period, into 30 entities of each."""
    return asyncio.run(_measured(params, SIXTY))


async def _measured(params: Params, profile_name: str) -> Figures:
    meters, buses, period_s = whole(params, "meters"), whole(params, "buses"), float(whole(params, "period_s"))
    with serving(
        params, listen="tcp-rtu://127.0.0.1:0", profile=profile_name, meters=meters, buses=buses
    ) as server:
        profile = named_profile(folder(params), profile_name)
        sections = [
            bus_section(number, bus.url, profile, bus.serials, period_s) for number, bus in enumerate(server.buses)
        ]
        began_s = time.monotonic()
        async with real_field(params, sections) as (_, plugin):
            started_s = time.monotonic() - began_s
            workers = [plugin.place(point_of(number, 1)).worker for number in range(buses)]
            await asyncio.sleep(whole(params, "settle_s"))
            figures = await _window(server, workers, float(whole(params, "span_s")))
            return {**figures, "started_s": started_s, "resident_mb": resident_bytes() / 1e6}


async def _window(server: Server, workers: Sequence[BusWorker], span_s: float) -> Figures:
    """What is done in a span of time, by the field layer's own count and by the meters'."""
    for worker in workers:
        worker.health.lateness_s.clear()
    done, missed = _polls(workers)
    failed = sum(worker.health.failures.total() for worker in workers)
    served, used_s, began_s = server.counters(), cpu_s(), time.monotonic()
    await asyncio.sleep(span_s)
    took_s = time.monotonic() - began_s
    used_s = cpu_s() - used_s
    served_after = server.counters()
    done_after, missed_after = _polls(workers)
    done, missed = done_after - done, missed_after - missed
    lateness_s = [late_s for worker in workers for late_s in worker.health.lateness_s]
    assert lateness_s
    return {
        "on_time_percent": 100 * done / (done + missed),
        "polls_per_s": (served_after.requests - served.requests) / took_s,
        "cpu_percent": 100 * used_s / took_s,
        "cpu_ms_per_poll": 1000 * used_s / (served_after.requests - served.requests),
        "late_p99_s": percentile(lateness_s, 0.99),
        "server_cpu_percent": 100 * (served_after.cpu_s - served.cpu_s) / took_s,
        "failed": sum(worker.health.failures.total() for worker in workers) - failed,
    }


def _polls(workers: Sequence[BusWorker]) -> tuple[int, int]:
    done = sum(worker.health.polls_done for worker in workers)
    return done, sum(worker.health.polls_missed for worker in workers)
