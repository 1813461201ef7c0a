"""Simulated meters in another process, as a client sees it; nothing of the hub is imported, for its peers' sake."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.timing import Params

SIXTY = "bench_sixty"
"""A made-up meter with 30 floats in a row: one read of 60 registers."""

_SIXTY_TEXT = f"""
profile: {SIXTY}
vendor: nobody
models: [SIXTY]
status: documented
source: made up for measurements
link: {{baud: 9600, format: 8E1, unit: 1, turn: 20 ms}}
capabilities: {{functions: [3], registers_max: 125}}
defaults: {{read: 3, type: f32}}
points:
  power_{{k}}: {{at: 0x0000, each: 0-29, unit: W, group: fast}}
"""


def write_profile(site: Path) -> None:
    """Put the made-up profile among those of a site."""
    (site / "profiles").mkdir(parents=True, exist_ok=True)
    (site / "profiles" / f"{SIXTY}.yaml").write_text(_SIXTY_TEXT)


@dataclass(frozen=True, slots=True)
class ServedBus:
    """One bus that a server offers."""

    url: str
    serials: Mapping[int, str]

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self.url.rpartition(":")[2])


@dataclass(frozen=True, slots=True)
class Counters:
    """What a server has done since it began."""

    requests: int
    cpu_s: float


class Server:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], buses: tuple[ServedBus, ...]) -> None:
        """Talk to a server that offers these buses."""
        self._process = process
        self.buses = buses

    def counters(self) -> Counters:
        """Ask what it has done so far; blocks for as long as that takes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        return Counters(told["requests"], told["cpu_s"])


@contextmanager
def serving(params: Params, **options: object) -> Iterator[Server]:
    """Serve meters by the hub's own Python until the end; the options are those of `hub sim bus`."""
    site = Path(str(params["folder"]))
    write_profile(site)
    process = subprocess.Popen(
        [str(params["hub_python"]), "-P", "-m", "bench.field.server", json.dumps(options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=site,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, "the server of simulated meters did not start"
        buses = tuple(
            ServedBus(one["url"], {meter["unit"]: meter["serial"] for meter in one["meters"]})
            for one in json.loads(first)
        )
        yield Server(process, buses)
    finally:
        process.kill()
        process.wait()
