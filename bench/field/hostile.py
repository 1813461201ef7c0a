"""Mutated frames and a hostile bus: the work of the long suites, counted."""

from __future__ import annotations

import sys
from collections import Counter
from importlib import import_module
from types import ModuleType

from bench.ours.running import Figures
from bench.pythons import ROOT
from bench.timing import Params, whole
from hub.sim import VirtualClock, VirtualLoop, run_virtual

WIRE_TESTS = ROOT / "tests" / "modbus" / "wire"


def mutated(params: Params) -> Figures:
    """RTU frames, each spoilt as a wire spoils them."""
    count = whole(params, "frames")
    verdicts: Counter[str] = _of_the_tests("mutated_frames").rtu_verdicts(count)
    assert verdicts.total() == count
    return {"wrong_per_million": 1e6 * verdicts["wrong"] / count, "right_percent": 100 * verdicts["right"] / count}


def reads(params: Params) -> Figures:
    """Reads among late replies, stray bytes, foreign frames, cut connections and cancelled requests."""
    count = whole(params, "reads")

    async def run(loop: VirtualLoop) -> tuple[Counter[str], int]:
        outcomes: tuple[Counter[str], int] = await _of_the_tests("hostile_bus").hostile_reads(
            VirtualClock(loop), count
        )
        return outcomes

    outcomes, _ = run_virtual(run)
    assert outcomes.total() == count
    return {"wrong": outcomes["wrong"], "right_percent": 100 * outcomes["right"] / count}


def _of_the_tests(name: str) -> ModuleType:
    """What the suite itself does, so that what is printed is what it asserts."""
    if str(WIRE_TESTS) not in sys.path:
        sys.path.append(str(WIRE_TESTS))
    return import_module(name)
