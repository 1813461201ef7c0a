"""What works on both sides measure with: rates over repetitions, percentiles, resident memory."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

Params = Mapping[str, object]

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def whole(params: Params, name: str) -> int:
    """A whole number out of a work's parameters."""
    value = params[name]
    assert isinstance(value, int), f"{name} must be a whole number, not {value!r}"
    return value


def number(params: Params, name: str) -> float:
    """A number out of a work's parameters."""
    value = params[name]
    assert isinstance(value, (int, float)), f"{name} must be a number, not {value!r}"
    return float(value)


def folder(params: Params) -> Path:
    """The folder, made for this child alone, on the disk that is measured."""
    return Path(str(params["folder"]))


async def rate(
    work: Callable[[], Awaitable[int]],
    repetitions: int,
    *,
    before: Callable[[], object] = lambda: None,
    after: Callable[[int], object] = lambda done: None,
) -> float:
    """How many a second, as the median over repetitions; one more goes before them and does not count.

    `before` and `after` run around each repetition, outside the measured time.
    """
    rates = []
    for _ in range(repetitions + 1):
        before()
        gc.collect()
        began = time.perf_counter()
        done = await work()
        rates.append(done / (time.perf_counter() - began))
        after(done)
    return median(rates[1:])


def settle_memory() -> None:
    """Collect garbage, and keep what a measurement prepared for itself out of the collections that follow."""
    gc.collect()
    gc.freeze()


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def cpu_s() -> float:
    """The processor time that this process has used so far, in the kernel too."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_bytes() -> int:
    """The resident memory of this process now, garbage collected before."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * _PAGE_BYTES


def numbers_text(count: int, turn: int) -> list[str]:
    """Values for one pass over all entities, as text; another pass has others."""
    return [f"{200 + turn % 50}.{position % 1000:03d}" for position in range(count)]
