"""Readings through the whole of money: gate, rating, ledger, supply's look at the balance, and the entities."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from bench.ours.running import Figures
from bench.timing import Params, folder, settle_memory, whole
from hub.contracts.ids import PointId
from hub.contracts.metering import READINGS, EpochHint, Reading, Register
from hub.contracts.relays import RELAYS
from hub.core.states import GOOD
from hub.sim import VirtualLoop, run_virtual
from hub.testing.fakes import FakeReadings, FakeRelays
from hub.testing.harness import HubHarness, start_hub
from plugins.prepaid.plugin import PrepaidPlugin

TARIFF = """
tariff: mall
name: Peak and valley, blocks, a service charge by the day, VAT on top
currency: CNY
time_zone: Asia/Shanghai
times:
  - bands: {peak: [08:00-12:00, 18:00-22:00], valley: 23:00-07:00, flat: rest}
energy:
  prices: {peak: 1.0231, flat: 0.6523, valley: 0.3384}
  tiers:
    kind: graduated
    blocks: [{up_to: 2000, adder: 0}, {up_to: 5000, adder: 0.05}, {adder: 0.12}]
fixed:
  service: {amount: 90, accrue: daily}
taxes:
  vat: {percent: 13, included: false}
"""
USE_WH = 40


def every_reading(params: Params) -> Figures:
    """Readings per second of one core when each is written down and posted."""
    return _run(params, "0 s")


def default_grid(params: Params) -> Figures:
    """The same on the default billing grid of an hour, long enough to tell what a meter's day leaves on disk."""
    return _run(params, "60 min")


def _run(params: Params, grid: str) -> Figures:
    return run_virtual(lambda loop: _measure(loop, params, grid))


async def _measure(loop: VirtualLoop, params: Params, grid: str) -> Figures:
    site = folder(params)
    meters, rounds, period_s = whole(params, "meters"), whole(params, "rounds"), whole(params, "period_s")
    hub = await _hub(site, meters, grid)
    field = _Field(hub, meters)
    await field.poll()
    bytes_before, entries_before = await _size(hub, site / "before.db"), await _entries(hub)
    settle_memory()
    began = time.process_time()
    for _ in range(rounds):
        await hub.advance(timedelta(seconds=period_s))
        await field.poll()
    took_s = time.process_time() - began
    days = meters * rounds * period_s / 86_400
    figures = {
        "per_s": meters * rounds / took_s,
        "entries_per_day": (await _entries(hub) - entries_before) / days,
        "bytes_per_day": (await _size(hub, site / "after.db") - bytes_before) / days,
    }
    await hub.hub.stop()
    return figures


class _Metering(FakeReadings):
    """A field layer whose readings come in ready made."""

    def put(self, reading: Reading) -> None:
        """Hand a reading to every subscriber."""
        for stream in self._streams:
            stream.put(reading)


class _Field:
    """Meters that all read at once; no wire, since the wire has its own lines in the table."""

    def __init__(self, hub: HubHarness, meters: int) -> None:
        self._hub = hub
        self._points = [PointId(f"p{number}") for number in range(meters)]
        self._wh = 0

    async def poll(self) -> None:
        """Put one reading of each meter on the stream, and wait until all are in the books."""
        service = self._hub.kernel.services.get(READINGS)
        assert isinstance(service, _Metering)
        self._wh += USE_WH
        now_us = self._hub.clock.now_us()
        for point in self._points:
            service.put(_reading(point, self._wh, now_us))
        await self._hub.advance(0.001)


def _reading(point: PointId, wh: int, now_us: int) -> Reading:
    register = Register(
        point=point, meter=f"meter_{point}", register="energy_import", unit="Wh", scale=0,  # type: ignore[arg-type]
        modulus_raw=1 << 32, power_max_w=50_000,
    )  # fmt: skip
    return Reading(
        point=point, meter=register.meter, register=register.register, serial="1001", words=(wh >> 16, wh & 0xFFFF),
        raw=wh, scale=0, unit="Wh", quality=GOOD, source_us=now_us, received_us=now_us,
        epoch=EpochHint.CONTINUES, frame_sha="0" * 64, plan="bench",
    )  # fmt: skip


async def _hub(site: Path, meters: int, grid: str) -> HubHarness:
    (site / "tariff.yaml").write_text(TARIFF)
    rows = [{"point": f"p{number}", "account": f"a{number}", "tariff": "mall"} for number in range(meters)]
    config = {"billing_grid": grid, "opening": {"tariffs": ["tariff.yaml"], "places": rows}}
    hub = await start_hub(site, runs_writes_twice=False)
    readings, relays = _Metering(hub.clock, publish=hub.fire), FakeRelays(hub.clock, publish=hub.fire)
    for row in rows:
        readings.add_meter(PointId(row["point"]))
        relays.add_relay(PointId(row["point"]))
    hub.provide(READINGS, readings)
    hub.provide(RELAYS, relays)
    await hub.load_plugin(PrepaidPlugin, config)
    return hub


async def _entries(hub: HubHarness) -> int:
    count = await hub.kernel.db.read(
        lambda reader: reader.value("SELECT count(*) FROM prepaid__journal"), owner="prepaid"
    )
    assert isinstance(count, int)
    return count


async def _size(hub: HubHarness, copy: Path) -> int:
    """What the books take on disk, without the free space and the log of the file in use."""
    await hub.kernel.db.copy_to(copy)
    return _bytes(copy)


def _bytes(file: Path) -> int:
    return file.stat().st_size
