"""Random cases, each from its own seed, and how often each element of the syntax stands in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import yaml
from draft import Draft, Yaml
from draft_rules import changed, rules
from draft_traces import trace
from ha_peer import Case

TAIL_S = 75.0
# Half a second past, so that the seconds of the wall clock are no instant of a trace, nor its start.
_STARTS = (
    ("2026-03-02T08:00:17.500+00:00", "UTC"),
    ("2026-03-02T15:58:40.500+00:00", "Asia/Shanghai"),  # a minute before midnight there
    ("2026-03-29T00:58:30.500+00:00", "Europe/Berlin"),  # clocks go forward at 01:00 UTC
    ("2026-10-25T00:58:30.500+00:00", "Europe/Berlin"),  # clocks go back at 01:00 UTC
    ("2026-06-30T23:57:05.500+00:00", "America/New_York"),
)


def generate(seed: int, number: int) -> tuple[Case, set[str]]:
    """The case of this number, and the elements that it holds."""
    start, zone = _STARTS[0 if number % 2 else number // 2 % len(_STARTS)]
    draft = Draft(seed * 1_000_003 + number, datetime.fromisoformat(start).astimezone(ZoneInfo(zone)))
    made = rules(draft)
    reloads = int(draft.chance(0.05))
    files = {f"reload_{place}": text(changed(draft, made)) for place in range(reloads)}
    case = Case(
        name=f"seed {seed} number {number}", rules=text(made), trace=tuple(trace(draft, reloads)), start=start,
        tz=zone, tail_s=TAIL_S, files=files,
    )  # fmt: skip
    return case, draft.used


def text(rules: list[Yaml]) -> str:
    """Rules as a file holds them."""
    return str(yaml.dump(rules, Dumper=yaml.CSafeDumper, sort_keys=False, width=110, allow_unicode=True))


def counted(elements: Iterable[set[str]]) -> Counter[str]:
    """In how many cases each element stands."""
    counts: Counter[str] = Counter()
    for used in elements:
        counts.update(used)
    return counts
