"""Rules run over what was: the states and events of a history, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.automation.rehearse.replay import Replay, run
from hub.automation.rehearse.virtual_time import VirtualTime
from hub.contracts.history import EventLine, HistorySource, Line, RemovedLine, ResultLine, StateLine

OWN_DOMAIN = "automation."
"""The entities of the rules themselves: what they were then says nothing of the rules that are tried now."""


@dataclass
class Verdict:
    """What rules would have called."""

    lines: int = 0
    """States and events that they were shown."""
    calls: list[Mapping[str, object]] = field(default_factory=list)

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each rule would have called each action."""
        counted = Counter((str(call["rule"]), str(call["action"])) for call in self.calls)
        found: dict[str, dict[str, int]] = {}
        for (rule, action), count in sorted(counted.items()):
            found.setdefault(rule, {})[action] = count
        return found


def backtest(
    rules: Path,
    source: HistorySource,
    start_us: int,
    end_us: int,
    time_zone: ZoneInfo,
    virtual_time: VirtualTime,
    on_refused: Callable[[str], object],
) -> Verdict:
    """What the rules of a file would have called between two instants; raises `HistoryInvalid`."""
    lines = asyncio.run(_collect(source, start_us, end_us))
    verdict = Verdict(lines=len(lines))
    last_us = lines[-1].at_us if lines else start_us
    run(
        Replay(
            rules=rules, lines=lines, start_us=start_us, time_zone=time_zone, tail_s=(end_us - last_us) / 1e6,
            on_call=verdict.calls.append, on_refused=on_refused,
        ),
        virtual_time,
    )  # fmt: skip
    return verdict


async def _collect(source: HistorySource, start_us: int, end_us: int) -> list[Line]:
    before = await source.states_at(start_us)
    found: list[Line] = [replace(line, at_us=start_us) for line in before if _is_input(line)]
    return found + [line async for line in source.lines(start_us, end_us) if _is_input(line)]


def _is_input(line: Line) -> bool:
    if isinstance(line, StateLine | RemovedLine):
        return not line.entity_id.startswith(OWN_DOMAIN)
    return isinstance(line, EventLine | ResultLine)
