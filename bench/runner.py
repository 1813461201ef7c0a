"""Runs the measurements: each in a child process, ours and the peer's in turn, round after round."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.child import MARK
from bench.measurement import Measurement
from bench.pythons import ROOT, Python

CHILD_LIMIT_S = 300.0
_IN_MEMORY = {"tmpfs", "ramfs"}

Answer = Mapping[str, float]


class WrongFolder(Exception):
    """The folder cannot be measured in."""


class ChildFailed(Exception):
    """A measurement's process did not answer."""


@dataclass(slots=True)
class Result:
    """What the rounds of one measurement gave."""

    measurement: Measurement
    ours: list[Answer] = field(default_factory=list)
    peer: list[Answer] = field(default_factory=list)
    peer_name: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How everything is run."""

    measurements: Sequence[Measurement]
    rounds: int
    is_quick: bool
    folder: Path
    python: Python
    home_assistant: Python | None

    def sizes(self, measurement: Measurement) -> Mapping[str, int]:
        """How much is done."""
        return measurement.quick if self.is_quick else measurement.sizes


def run(plan: Plan, tell: Callable[[str], object]) -> list[Result]:
    """Run all rounds; a measurement that fails is noted and left out of the rounds after that."""
    if any(one.needs_disk for one in plan.measurements):
        refuse_memory(plan.folder)
    results = [Result(one) for one in plan.measurements]
    plan.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=plan.folder) as scratch:
        rounds = _Rounds(plan, Path(scratch))
        for number in range(1, plan.rounds + 1):
            for result in results:
                if not result.failure and number <= (result.measurement.rounds_max or number):
                    tell(f"round {number} of {plan.rounds}: {result.measurement.name}")
                    rounds.add_to(result)
    return results


class _Rounds:
    def __init__(self, plan: Plan, scratch: Path) -> None:
        self._plan = plan
        self._scratch = scratch
        self._prepared: dict[str, Path] = {}

    def add_to(self, result: Result) -> None:
        measurement, plan = result.measurement, self._plan
        sizes: dict[str, object] = dict(plan.sizes(measurement))
        try:
            start_from = self._prepare(measurement, sizes)
            ours = self._child(plan.python, measurement.ours, sizes, start_from)
            result.ours.append(ours)
            sizes.update((name, int(ours[name])) for name in measurement.handed_on)
            if measurement.plain is not None:
                result.peer_name = measurement.plain_name
                result.peer.append(self._child(plan.python, measurement.plain, sizes))
            elif measurement.home_assistant is not None and plan.home_assistant is not None:
                result.peer_name = f"Home Assistant {plan.home_assistant.home_assistant}"
                result.peer.append(self._child(plan.home_assistant, measurement.home_assistant, sizes))
        except ChildFailed as error:
            result.failure = str(error)

    def _prepare(self, measurement: Measurement, sizes: Mapping[str, object]) -> Path | None:
        if measurement.prepare is None:
            return None
        if measurement.name not in self._prepared:
            folder = self._scratch / f"prepared-{measurement.name}"
            folder.mkdir()
            _spawn(self._plan.python, measurement.prepare, {**sizes, "folder": str(folder)})
            self._prepared[measurement.name] = folder
        return self._prepared[measurement.name]

    def _child(
        self, python: Python, work: str, sizes: Mapping[str, object], start_from: Path | None = None
    ) -> Answer:
        folder = self._scratch / "child"
        folder.mkdir()
        if start_from is not None:
            shutil.copytree(start_from, folder, dirs_exist_ok=True)
        os.sync()  # what was written before must not be flushed in the middle of a measurement
        try:
            there = {"folder": str(folder), "hub_python": self._plan.python.executable}
            return _spawn(python, work, {**sizes, **there})
        finally:
            shutil.rmtree(folder)


def _spawn(python: Python, work: str, params: Mapping[str, object]) -> Answer:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    # The monotonic clock is one for all processes, so the child knows how long it has been there.
    asked = json.dumps({**params, "spawned_s": time.monotonic()})
    try:
        done = subprocess.run(
            [python.executable, "-P", "-m", "bench.child", work, asked],
            capture_output=True,
            text=True,
            timeout=CHILD_LIMIT_S,
            env=environment,
            cwd=ROOT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ChildFailed(f"{work} did not end within {CHILD_LIMIT_S:g} s") from None
    for line in reversed(done.stdout.splitlines()):
        if line.startswith(MARK) and done.returncode == 0:
            figures: Answer = json.loads(line.removeprefix(MARK))["figures"]
            return figures
    last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
    raise ChildFailed(f"{work} ended with code {done.returncode}: {last}")


def refuse_memory(folder: Path) -> None:
    """Refuse a folder that lies in memory: a commit that never reaches a disk is no durable commit."""
    kind = file_system_of(folder)
    if kind in _IN_MEMORY:
        raise WrongFolder(f"{folder} is on {kind}, which is memory; name a folder on a disk with --dir")


def file_system_of(folder: Path) -> str:
    """The kind of file system that a folder, or what will hold it, is on; empty when the system does not say."""
    try:
        return mounted_at(folder.resolve(), Path("/proc/self/mounts").read_text())
    except OSError:
        return ""


def mounted_at(place: Path, mounts: str) -> str:
    """The kind of the innermost mount that holds a place; a later mount hides an earlier one."""
    depth, kind = 0, ""
    for line in mounts.splitlines():
        _, where, found = line.split()[:3]
        parts = len(Path(where).parts)
        if place.is_relative_to(where) and parts >= depth:
            depth, kind = parts, found
    return kind


def note(text: str) -> None:
    """Tell progress where it does not get into the table."""
    print(text, file=sys.stderr, flush=True)
