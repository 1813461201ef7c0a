"""Runs every hostile template in this process, with an address-space limit, and prints what each used."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

from hostile_templates import CORPUS
from template_world import TinyWorld

from hub.automation.templates import TemplateError, compile_template
from hub.core.config import ConfigErrors

ADDRESS_SPACE_MORE = 400_000_000
HANGS_AFTER_S = 5


def memory_kb(name: str) -> int:
    """A figure of this process: VmRSS (now) or VmHWM (the most since it was reset)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def outcome(world: TinyWorld, text: str) -> str:
    """How a template ends."""
    try:
        template = compile_template(text, "hostile.yaml")
    except ConfigErrors:
        return "refused at load"
    try:
        result = template.render(world, {"trigger": {"id": "x"}})
    except TemplateError as error:
        return f"stopped: {error}"[:300]
    except BaseException as error:  # what must not come out of a render
        return f"LEAKED {type(error).__name__}: {error}"[:300]
    return f"RENDERED {len(result)} characters: {result[:60]!r}"


def hang(*_: object) -> None:
    raise SystemExit("it hangs")


def measured(world: TinyWorld, text: str) -> dict[str, object]:
    """What one template used; run in a process of its own, so that memory of others is not taken for free."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before_kb = memory_kb("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    ended = outcome(world, text)
    wall_ms, cpu_ms = (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3
    return {"ended": ended, "kb": memory_kb("VmHWM") - before_kb, "wall_ms": wall_ms, "cpu_ms": cpu_ms}


def main() -> None:
    """Print one JSON line for each template."""
    world = TinyWorld()
    for number in range(2_000):
        world.put(f"sensor.s{number}", number)
    world.put("sensor.a", 1, attributes={"list": [1, 2]})
    outcome(world, "{{ states('sensor.a')|float }}")
    for kind, texts in CORPUS.items():
        for text in texts:
            sys.stdout.flush()
            if os.fork() == 0:
                limit = memory_kb("VmSize") * 1024 + ADDRESS_SPACE_MORE
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
                signal.signal(signal.SIGALRM, hang)
                signal.alarm(HANGS_AFTER_S)
                found = measured(world, text)
                print(json.dumps({"kind": kind, "template": text[:300], **found}), flush=True)
                os._exit(0)
            if os.wait()[1] != 0:
                print(json.dumps({"kind": kind, "template": text[:300], "ended": "DIED"}), flush=True)


if __name__ == "__main__":
    main()
