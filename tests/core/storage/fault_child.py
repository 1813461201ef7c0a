"""A whole hub on a disk that goes bad and gets well again; prints what it saw as one line of JSON.

Run as a program: `fault_child.py MODE FOLDER [FLAG]`. MODE names what goes wrong; FLAG is the file that the
preloaded shim around fsync looks for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hub.core import housekeeping
from hub.core.clock import SystemClock
from hub.core.holds import STORAGE_FAILING
from hub.core.hub import Hub
from hub.core.ids import SystemIds
from hub.core.site import Site
from hub.core.storage import Migration, Tx

CLOCK = SystemClock()
SCHEMA = (Migration(1, "rows", "CREATE TABLE a__rows (n INTEGER PRIMARY KEY, filling BLOB NOT NULL);"),)
ROW_BYTES = 4000
FAULT_S = 0.6
RECOVERY_LIMIT_S = 15.0


class Fault:
    """Makes the disk bad and good again."""

    def __init__(self, mode: str, folder: Path, flag: Path) -> None:
        """Nothing is wrong yet."""
        self._mode = mode
        self._folder = folder
        self._flag = flag
        self._limits: tuple[int, int] = (0, 0)
        self._held: list[int] = []

    def begin(self, hub: Hub) -> None:
        """Go bad."""
        if self._mode == "full":
            with (self._folder / "filler").open("wb", buffering=0) as filler, suppress(OSError):
                while True:
                    filler.write(bytes(4096))
        elif self._mode == "file limit":
            self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            size = (hub.site.data / "hub.db-wal").stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 3 * ROW_BYTES, self._limits[1]))
        elif self._mode == "no descriptors":
            with suppress(OSError):
                while True:
                    self._held.append(os.open("/dev/null", os.O_RDONLY))
        elif self._mode in {"slow", "failing"}:
            self._flag.write_text(self._mode)

    def end(self) -> None:
        """Get well again."""
        if self._mode == "full":
            (self._folder / "filler").unlink()
        elif self._mode == "file limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
        elif self._mode == "no descriptors":
            for descriptor in self._held:
                os.close(descriptor)
        elif self._mode in {"slow", "failing"}:
            self._flag.unlink()


class Report:
    """What was seen."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.acknowledged: list[int] = []
        self.errors: Counter[str] = Counter()
        self.texts: set[str] = set()
        self.lags_s: list[float] = []
        self.held = ""
        self.longest_write_s = 0.0
        self.recovered_s: float | None = None

    async def tick(self) -> None:
        """Measure how late the loop is, for as long as it runs."""
        while True:
            due = CLOCK.monotonic() + 0.005
            await asyncio.sleep(0.005)
            self.lags_s.append(CLOCK.monotonic() - due)

    def as_dict(self) -> dict[str, Any]:
        """For the parent."""
        lags = sorted(self.lags_s)
        return {
            "acknowledged": self.acknowledged, "errors": dict(self.errors), "texts": sorted(self.texts),
            "lag_p99_s": lags[int(len(lags) * 0.99)], "held": self.held, "longest_write_s": self.longest_write_s,
            "recovered_s": self.recovered_s,
        }  # fmt: skip


async def write(hub: Hub, report: Report, n: int) -> None:
    """One row, and what became of it."""

    def fn(tx: Tx) -> None:
        tx.execute("INSERT INTO a__rows VALUES (?, ?)", (n, os.urandom(ROW_BYTES)))  # noqa: TID251 - incompressible

    began = CLOCK.monotonic()
    try:
        await hub.kernel.db.write(fn, owner="a")
    except Exception as error:
        report.errors[type(error).__name__] += 1
        report.texts.add(str(error))
    else:
        report.acknowledged.append(n)
    report.longest_write_s = max(report.longest_write_s, CLOCK.monotonic() - began)


async def main(mode: str, folder: Path, flag: Path) -> None:
    """Write while all is well, while it is not, and after."""
    housekeeping.PROBE_S = 0.05
    hub = Hub(Site(folder, "Fault", ZoneInfo("Asia/Shanghai"), {}, ballast_mb=0), CLOCK, SystemIds(), found=[])
    await hub.start()
    await hub.kernel.db.migrate("a", SCHEMA)
    report, numbers = Report(), iter(range(1_000_000))
    ticking = asyncio.ensure_future(report.tick())
    for _ in range(20):
        await asyncio.gather(*(write(hub, report, next(numbers)) for _ in range(3)))
    fault = Fault(mode, folder, flag)
    fault.begin(hub)
    until = CLOCK.monotonic() + FAULT_S
    while CLOCK.monotonic() < until:
        await asyncio.gather(*(write(hub, report, next(numbers)) for _ in range(3)))
        report.held = hub.kernel.holds.reasons.get(STORAGE_FAILING, report.held)
        await asyncio.sleep(0.01)
    if mode == "no descriptors":
        with suppress(OSError):
            os.close(os.open("/dev/null", os.O_RDONLY))
            report.errors["a descriptor was left"] += 1
        try:
            await hub.kernel.db.copy_to(folder / "copy.db")
        except Exception as error:
            report.errors[type(error).__name__] += 1
            report.texts.add(str(error))
    fault.end()
    began = CLOCK.monotonic()
    while hub.kernel.holds.is_held and CLOCK.monotonic() < began + RECOVERY_LIMIT_S:
        await CLOCK.sleep(0.01)
    if not hub.kernel.holds.is_held:
        report.recovered_s = CLOCK.monotonic() - began
    failed_before = sum(report.errors.values())
    await asyncio.gather(*(write(hub, report, next(numbers)) for _ in range(10)))
    report.errors["after recovery"] = sum(report.errors.values()) - failed_before
    ticking.cancel()
    await hub.stop()
    json.dump(report.as_dict(), sys.stdout)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
