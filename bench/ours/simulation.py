"""A site of simulated meters in virtual time, and nothing left out: wire, field layer, gate, rating, ledger."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.ours.running import Figures
from bench.timing import Params, folder, settle_memory, whole
from hub.contracts.links import LINKS
from hub.core.storage import Reader
from hub.sim import run_virtual
from hub.sim.field.plugin import SimulatedField, SimulatorPlugin
from hub.testing.harness import HubHarness, start_hub
from plugins.kpm_modbus.plugin import ModbusPlugin
from plugins.prepaid.plugin import PrepaidPlugin

BUSES = 3
POLL_MIN = 15
LOAD_W = 3_000
TARIFF = """
tariff: flat
name: One price
currency: CNY
time_zone: Asia/Shanghai
energy:
  price: 0.80
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What each layer has done so far."""

    frames: int
    """Transactions on the wires."""
    good: int
    """Those of them that were answered."""
    reads: int
    """Reads that the gate has accepted and written down."""
    postings: int
    """Entries of the journal."""

    def since(self, before: Counts) -> Counts:
        """What was done meanwhile."""
        return Counts(
            self.frames - before.frames,
            self.good - before.good,
            self.reads - before.reads,
            self.postings - before.postings,
        )


def days(params: Params) -> Figures:
    """So many days of a site in processor time."""
    return run_virtual(lambda loop: _measure(params))


async def _measure(params: Params) -> Figures:
    meters, count = whole(params, "meters"), whole(params, "days")
    hub = await simulated_site(folder(params), meters)
    before = await counted(hub)
    settle_memory()
    began_s = time.process_time()
    await hub.advance(timedelta(days=count))
    took_s = time.process_time() - began_s
    done = (await counted(hub)).since(before)
    await hub.hub.stop()
    return {
        "cpu_s": took_s,
        "cpu_s_per_day": took_s / count,
        "days_per_s": count / took_s,
        "polls_per_s": meters * count * 24 * 60 / POLL_MIN / took_s,
        "frames": done.frames,
        "reads": done.reads,
        "postings": done.postings,
    }


async def simulated_site(site: Path, meters: int) -> HubHarness:
    """A hub on a file database, with so many meters on three buses, each the account of its own tenant."""
    (site / "tariff.yaml").write_text(TARIFF)
    on_wire: dict[str, list[dict[str, object]]] = {f"b{number}": [] for number in range(BUSES)}
    polled: dict[str, list[dict[str, object]]] = {bus: [] for bus in on_wire}
    for number in range(meters):
        bus, unit = f"b{number % BUSES}", number // BUSES + 1
        serial = f"33B{number:010d}"
        on_wire[bus].append({"unit": unit, "serial": serial, "load_w": LOAD_W, "energy_wh": 1_000 * number})
        polled[bus].append({"point": f"p{number}", "profile": "compere_kpm33b", "unit": unit, "serial": serial})
    places = [{"point": f"p{number}", "account": f"a{number}", "tariff": "flat"} for number in range(meters)]
    every = f"{POLL_MIN} min"
    lines = [
        {
            "id": bus,
            "link": f"sim://{bus}",
            "periods": {"fast": every, "normal": every},
            "groups": ["fast"],
            "meters": listed,
        }
        for bus, listed in polled.items()
    ]
    hub = await start_hub(site, runs_writes_twice=False)
    await hub.load_plugin(SimulatorPlugin, {"buses": on_wire})
    await hub.load_plugin(ModbusPlugin, {"buses": lines})
    await hub.load_plugin(PrepaidPlugin, {"opening": {"tariffs": ["tariff.yaml"], "places": places}})
    await hub.advance(timedelta(minutes=2 * POLL_MIN))  # everybody has met and is read in its own phase
    return hub


async def counted(hub: HubHarness) -> Counts:
    """What each layer has done since the start."""
    field = hub.kernel.services.get(LINKS)
    assert isinstance(field, SimulatedField)
    wires = [field.bus(f"b{number}").usage for number in range(BUSES)]
    reads, postings = await hub.kernel.db.read(
        lambda reader: (_rows(reader, "prepaid__reads"), _rows(reader, "prepaid__journal")), owner="prepaid"
    )
    return Counts(sum(wire.frames for wire in wires), sum(wire.good for wire in wires), reads, postings)


def _rows(reader: Reader, table: str) -> int:
    count = reader.value(f"SELECT count(*) FROM {table}")
    assert isinstance(count, int)
    return count
