"""Runs every hostile template in this process, with an address-space limit, and prints what each used."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
from pathlib import Path
from time import perf_counter, process_time  # noqa: TID251 - what a template costs is real time

from hostile_templates import chosen
from template_world import TinyWorld

from hub.automation.templates import TemplateError, compile_template
from hub.core.config import ConfigErrors

ADDRESS_SPACE_MORE = 400_000_000
HANGS_AFTER_S = 5
SLOW_MS = 90
RETRIES = 4


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
    wall, cpu = perf_counter(), process_time()
    ended = outcome(world, text)
    wall_ms, cpu_ms = (perf_counter() - wall) * 1e3, (process_time() - cpu) * 1e3
    return {"ended": ended, "kb": memory_kb("VmHWM") - before_kb, "wall_ms": wall_ms, "cpu_ms": cpu_ms}


def forked(world: TinyWorld, text: str) -> dict[str, object]:
    """What one template used, in a child."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    if os.fork() == 0:
        limit = memory_kb("VmSize") * 1024 + ADDRESS_SPACE_MORE
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        signal.signal(signal.SIGALRM, hang)
        signal.alarm(HANGS_AFTER_S)
        os.write(writing, json.dumps(measured(world, text)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        written = stream.read()
    os.wait()
    found: dict[str, object] = json.loads(written or '{"ended": "DIED", "kb": 0, "cpu_ms": 0}')
    return found


def main() -> None:
    """Print one JSON line for each template."""
    world = TinyWorld()
    for number in range(2_000):
        world.put(f"sensor.s{number}", number)
    world.put("sensor.a", 1, attributes={"list": [1, 2]})
    outcome(world, "{{ states('sensor.a')|float }}")
    for kind, text in chosen():
        found = forked(world, text)
        # A busy machine makes even processor time longer: what counts is what the template needs.
        for _ in range(RETRIES):
            if float(str(found["cpu_ms"])) > SLOW_MS:
                found = min(found, forked(world, text), key=lambda each: float(str(each["cpu_ms"])))
        sys.stdout.write(json.dumps({"kind": kind, "template": text[:300], **found}) + "\n")


if __name__ == "__main__":
    main()
