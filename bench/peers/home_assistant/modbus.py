"""Its Modbus integration on the same bus: the largest read that it can be asked for, into as many entities."""

from __future__ import annotations

import asyncio
import time

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from bench.field.server_process import SIXTY, ServedBus, serving
from bench.peers.home_assistant.running import Figures, with_hass
from bench.timing import Params, cpu_s, resident_bytes, whole

VALUES = 30


def one_bus(params: Params) -> Figures:
    """One read of 60 registers of every meter, each period, into 30 entities of each."""

    async def work(hass: HomeAssistant) -> Figures:
        meters = whole(params, "meters")
        with serving(params, listen="tcp-rtu://127.0.0.1:0", profile=SIXTY, meters=meters) as server:
            config = {"modbus": [_hub(server.buses[0], whole(params, "period_s"))]}
            began_s = time.monotonic()
            assert await async_setup_component(hass, "modbus", config)
            await hass.async_block_till_done()
            started_s = time.monotonic() - began_s
            await asyncio.sleep(whole(params, "settle_s"))
            served, used_s, began_s = server.counters(), cpu_s(), time.monotonic()
            await asyncio.sleep(whole(params, "span_s"))
            took_s = time.monotonic() - began_s
            used_s = cpu_s() - used_s
            polls = server.counters().requests - served.requests
            states = hass.states.async_all("sensor")
            assert len(states) == VALUES * meters, len(states)
            assert all(float(state.state) > 0 for state in states)
        return {
            "on_time_percent": 100 * min(1.0, polls / (meters * took_s / whole(params, "period_s"))),
            "polls_per_s": polls / took_s,
            "cpu_percent": 100 * used_s / took_s,
            "cpu_ms_per_poll": 1000 * used_s / polls,
            "started_s": started_s,
            "resident_mb": resident_bytes() / 1e6,
        }

    return with_hass(params, work)


def _hub(bus: ServedBus, period_s: int) -> dict[str, object]:
    return {
        "name": "bench",
        "type": "rtuovertcp",
        "host": "127.0.0.1",
        "port": bus.port,
        "timeout": 1,
        "sensors": [
            {
                "name": f"stall {unit}",
                "unique_id": f"bench-{unit}",
                "slave": unit,
                "address": 0,
                "input_type": "holding",
                "data_type": "float32",
                "virtual_count": VALUES - 1,
                "unit_of_measurement": "W",
                "scan_interval": period_s,
            }
            for unit in bus.serials
        ],
    }
