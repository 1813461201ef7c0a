"""Serves simulated meters to measurements: `python -m bench.field.server OPTIONS`; a line in, counters out."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

from hub.contracts.profiles import find_profile, profile_folders
from hub.core.clock import SystemClock
from hub.sim.field.command import BusOptions, Served, start_buses
from hub.sim.field.servers import parse_listen


def main(options: dict[str, object]) -> None:
    """Serve until killed."""
    asyncio.run(_serve(options))


async def _serve(options: dict[str, object]) -> None:
    profile = find_profile(str(options["profile"]), profile_folders(Path()))
    served = await start_buses(
        BusOptions(
            listen=parse_listen(str(options["listen"])),
            profile=profile,
            meters=int(str(options["meters"])),
            buses=int(str(options.get("buses", 1))),
            baud=int(str(options.get("baud", 9600))),
            turn=None,
            peak_w=6000,
            gateway_timeout_s=None,
            is_instant=bool(options.get("is_instant", False)),
            faults=(),
            seed=0,
        ),
        SystemClock(),
    )
    print(json.dumps([one.described() for one in served]), flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _answer, served, ended)
    await ended.wait()


def _answer(served: list[Served], ended: asyncio.Event) -> None:
    if not sys.stdin.readline():
        ended.set()
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {"requests": sum(one.front.requests for one in served), "cpu_s": used.ru_utime + used.ru_stime}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
