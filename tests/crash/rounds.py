"""Lives and deaths: forks a hub, kills it at a fault point or at a random moment, and begins the next life.

A program of its own: everything is imported once, then each life is a fork of this process, which has no thread.
It prints what happened as one line of JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import signal
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from records import Records

from hub.core import faultpoints
from hub.core.clock import SystemClock, block_thread
from hub.core.ids import SeededIds

LIVES_PER_FOLDER = 25
POINT_LIMIT_S = 10.0
LAST_LIMIT_S = 40.0
TRIES_PER_KILL_MAX = 20
"""So many lives may pass a point by, or end before their moment, for each kill that is asked for."""
VIOLATIONS_MAX = 20
CLOCK = SystemClock()


class Rounds:
    """One run of the suite on one world."""

    def __init__(self, world: ModuleType, folder: Path, seed: int) -> None:
        """Work below a folder."""
        self._world = world
        self._folder = folder
        self._random = SeededIds(seed).random
        self._site: Path | None = None
        self._sites = 0
        self._life = 0
        self._typical_s = 0.1
        self._given_up: set[str] = set()
        self.has_failed = False
        """A promise was broken: there is nothing more to find out."""
        self.report: dict[str, Any] = {
            "world": world.NAME, "seed": seed, "kills": 0, "random_kills": 0, "at_points": {}, "violations": [],
            "asked": 0, "answered": 0, "unanswered": 0,
        }  # fmt: skip

    def at_point(self, point: str) -> None:
        """Die at a point, at a random one of its first passages; on a fresh folder if that is where it stands."""
        kills = self.report["at_points"]
        kills.setdefault(point, 0)
        if point in self._given_up:
            return
        hits_max = self._world.hits_max(point)
        for _ in range(TRIES_PER_KILL_MAX):
            if point == "storage.migration":
                self._close_site()
            hits = self._random.randint(1, hits_max)
            if self._spawn(kill_at=(point, hits), limit_s=POINT_LIMIT_S):
                kills[point] += 1
                return
            if self.has_failed:
                return
            hits_max = max(1, hits_max // 2)  # a life may be too short for as many passages
        self._given_up.add(point)

    def at_random(self) -> None:
        """Die at a random moment, from the first instruction on; some lives are on their way to an orderly end."""
        for _ in range(TRIES_PER_KILL_MAX):
            stops = self._random.random() < 0.25
            if self._spawn(delay_s=self._random.uniform(0, 1.6 * self._typical_s), stops=stops):
                self.report["random_kills"] += 1
                return
            if self.has_failed:
                return

    def finish(self) -> None:
        """Let the last life run to its end."""
        self._close_site()

    def _spawn(
        self,
        *,
        kill_at: tuple[str, int] | None = None,
        delay_s: float | None = None,
        limit_s: float = 0.0,
        stops: bool = False,
    ) -> bool:
        """Whether the life was killed as asked: at its point, or before its own end."""
        if self._site is None:
            self._sites += 1
            self._site = self._folder / str(self._sites)
        if self._life % LIVES_PER_FOLDER == LIVES_PER_FOLDER - 1:
            self._close_site()
            return self._spawn(kill_at=kill_at, delay_s=delay_s, limit_s=limit_s, stops=stops)
        self._life += 1
        kills_before = _kills_in(self._site)
        began = CLOCK.monotonic()
        status = self._fork(self._site, is_last=stops, kill_at=kill_at, delay_s=delay_s, limit_s=limit_s)
        if kill_at is not None:
            self._typical_s = max(self._typical_s, min(2.0, CLOCK.monotonic() - began))
        is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if is_killed:
            self.report["kills"] += 1
        elif status != 0:
            self._note(f"life {self._life} ended by itself with {status}")
        records = Records(self._site)
        self.has_failed = self.has_failed or bool(records.violations)
        is_at_point = kill_at is None or records.kills[kills_before:] == [kill_at[0]]
        records.close()
        return is_killed and is_at_point

    def _close_site(self) -> None:
        if self._site is None:
            return
        if not self.has_failed:
            self._life += 1
            status = self._fork(self._site, is_last=True, kill_at=None, delay_s=None, limit_s=LAST_LIMIT_S)
            if status != 0:
                self._note(f"the last life on {self._site.name} ended with {status}")
        records = Records(self._site)
        for text in records.violations:
            self._note(text)
        self.report["asked"] += len(records.asked)
        self.report["answered"] += len(records.answered)
        self.report["unanswered"] += len(set(records.asked) - set(records.answered))
        records.close()
        self._site = None

    def _note(self, text: str) -> None:
        if len(self.report["violations"]) < VIOLATIONS_MAX:
            self.report["violations"].append(text[-1000:])

    def _fork(
        self, site: Path, *, is_last: bool, kill_at: tuple[str, int] | None, delay_s: float | None, limit_s: float
    ) -> int:
        self._world.prepare(site, self._life)
        child = os.fork()
        if child == 0:
            _be_the_hub(self._world, site, self._life, is_last, kill_at)
        until = CLOCK.monotonic() + (limit_s if delay_s is None else delay_s)
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return status
            if CLOCK.monotonic() >= until:
                os.kill(child, signal.SIGKILL)
                return os.waitpid(child, 0)[1]
            block_thread(0.001)


def _kills_in(site: Path) -> int:
    """At how many points lives on a folder have died."""
    if not site.exists():
        return 0
    records = Records(site)
    records.close()
    return len(records.kills)


def _be_the_hub(world: ModuleType, site: Path, life: int, is_last: bool, kill_at: tuple[str, int] | None) -> None:
    """What the forked process does; it never returns."""
    code = 1
    try:
        if kill_at is not None:
            faultpoints.install(_killer(site, *kill_at))
        world.live(site, life, is_last=is_last)
        code = 0
    except BaseException:
        Records(site).violation(f"life {life} raised:\n{traceback.format_exc()}")
    finally:
        os._exit(code)


def _killer(site: Path, point: str, hits: int) -> Any:
    left = hits

    def passed(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if left == 0:
                Records(site).kill(point)
                os.kill(os.getpid(), signal.SIGKILL)

    return passed


def main() -> None:
    """Run the rounds that the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("world")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--points", default="")
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    rounds = Rounds(importlib.import_module(asked.world), asked.folder, asked.seed)
    began = CLOCK.monotonic()
    points = [point for point in asked.points.split(",") if point]
    for point in points * asked.each:
        if not rounds.has_failed:
            rounds.at_point(point)
    for _ in range(asked.random):
        if not rounds.has_failed:
            rounds.at_random()
    rounds.finish()
    rounds.report["seconds"] = round(CLOCK.monotonic() - began, 1)
    json.dump(rounds.report, sys.stdout)


if __name__ == "__main__":
    main()
