"""The table and the JSON of one run."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.arithmetic import Bar, Series, ratio_of
from bench.measurement import Line
from bench.runner import Plan, Result, file_system_of

_HEADINGS = ("figure", "ours", "+-", "peer", "+-", "ratio", "by round", "bar", "met", "alone with")
_LAST_NUMBER = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line with its figures."""

    measurement: str
    line: Line
    ours: Series
    peer: Series | None
    peer_name: str

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer."""
        return None if self.peer is None else ratio_of(self.ours, self.peer, self.line.better)

    @property
    def ratios(self) -> tuple[float, ...]:
        """The same for each round by itself: what it would have been in that minute of the machine."""
        if self.peer is None:
            return ()
        pairs = zip(self.ours.values, self.peer.values, strict=True)
        return tuple(ratio_of(Series((ours,)), Series((peer,)), self.line.better) for ours, peer in pairs)

    @property
    def bar(self) -> Bar | None:
        """What the figure must reach."""
        return self.line.bar

    @property
    def is_met(self) -> bool | None:
        """Whether it does; None without a bar, or without the peer that the bar is about."""
        return None if self.bar is None else self.bar.is_met(self.ours, self.ratio)


def outcomes(results: Sequence[Result]) -> list[Outcome]:
    """One for each line of each measurement that succeeded."""
    return list(_outcomes(results))


def _outcomes(results: Sequence[Result]) -> Iterator[Outcome]:
    for result in results:
        if result.failure:
            continue
        shown_figures: set[str] = set()
        for line in result.measurement.lines:
            theirs = line.peer_figure or line.figure
            peer = Series(tuple(float(answer[theirs]) for answer in result.peer)) if result.peer else None
            if peer is None and line.figure in shown_figures:
                continue  # the line is there for another figure of the peer
            shown_figures.add(line.figure)
            ours = Series(tuple(float(answer[line.figure]) for answer in result.ours))
            yield Outcome(result.measurement.name, line, ours, peer, result.peer_name)


def as_json(plan: Plan, results: Sequence[Result]) -> dict[str, object]:
    """The whole run for a program; nothing in it names the machine or a folder."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "is_verdict": not plan.is_quick,
        "rounds": plan.rounds,
        "machine": machine(plan.folder),
        "python": plan.python.version,
        "home_assistant": _peer_python(plan),
        "lines": [_line_as_json(plan, one) for one in outcomes(results)],
        "failures": {one.measurement.name: one.failure for one in results if one.failure},
    }


def _peer_python(plan: Plan) -> Mapping[str, str | None] | None:
    if plan.home_assistant is None:
        return None
    return {"version": plan.home_assistant.home_assistant, "python": plan.home_assistant.version}


def _line_as_json(plan: Plan, outcome: Outcome) -> dict[str, object]:
    return {
        "measurement": outcome.measurement,
        "figure": outcome.line.title,
        "unit": outcome.line.unit,
        "better": outcome.line.better.value,
        "ours": _series_as_json(outcome.ours),
        "peer": None if outcome.peer is None else {"name": outcome.peer_name, **_series_as_json(outcome.peer)},
        "ratio": outcome.ratio,
        "ratios": list(outcome.ratios),
        "bar": None if outcome.bar is None else str(outcome.bar),
        "met": outcome.is_met,
        "command": command(plan, outcome),
    }


def _series_as_json(series: Series) -> dict[str, object]:
    return {"median": series.median, "spread": series.spread, "rounds": list(series.values)}


def command(plan: Plan, outcome: Outcome) -> str:
    """What gives this line alone."""
    needs_peer = outcome.peer_name.startswith("Home Assistant")
    options = (" --quick" if plan.is_quick else "") + (" --ha-python PATH" if needs_peer else "")
    return f"script/bench --only {outcome.measurement}{options}"


def table(plan: Plan, results: Sequence[Result]) -> str:
    """The run for a person."""
    rows = [_HEADINGS, *(_row(plan, one) for one in outcomes(results))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [_aligned(row, widths) for row in rows]
    lines.insert(1, "-" * len(lines[0]))
    failures = [f"failed: {one.measurement.name}: {one.failure}" for one in results if one.failure]
    return "\n".join([*_heading(plan), *lines, *failures, *_ending(plan)])


def _heading(plan: Plan) -> list[str]:
    what = ", ".join(machine(plan.folder).values())
    peer = plan.home_assistant
    beside = f"Home Assistant {peer.home_assistant} on Python {peer.version}" if peer else "no Home Assistant"
    return [f"{what}", f"ours on Python {plan.python.version}; beside it {beside}; rounds: {plan.rounds}", ""]


def _ending(plan: Plan) -> list[str]:
    lines = [
        "",
        "Medians over the rounds; +- is half the distance from the lowest round to the highest.",
        "The ratio is that of the medians; above 1 ours is better, whichever way the figure counts.",
    ]
    if plan.is_quick:
        lines.append("(quick, not a verdict: one round of small sizes)")
    if plan.home_assistant is None:
        lines.append("Without --ha-python PATH, figures with Home Assistant as their peer stand alone.")
    return lines


def _row(plan: Plan, outcome: Outcome) -> tuple[str, ...]:
    unit, peer, ratio, ratios = outcome.line.unit, outcome.peer, outcome.ratio, outcome.ratios
    return (
        outcome.line.title,
        f"{shown(outcome.ours.median)} {unit}",
        f"{outcome.ours.spread:.0%}",
        "-" if peer is None else f"{shown(peer.median)} {unit}",
        "-" if peer is None else f"{peer.spread:.0%}",
        "-" if ratio is None else shown(ratio),
        "-" if not ratios else f"{min(ratios):.2f}..{max(ratios):.2f}",
        "-" if outcome.bar is None else str(outcome.bar),
        _met(plan, outcome),
        command(plan, outcome),
    )


def _met(plan: Plan, outcome: Outcome) -> str:
    if outcome.bar is None:
        return "-"
    if outcome.is_met is None:
        return "no peer"
    return ("yes" if outcome.is_met else "NO") + (" (quick)" if plan.is_quick else "")


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        text.rjust(width) if 1 <= column <= _LAST_NUMBER else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def shown(value: float) -> str:
    """A figure with three digits that matter, or more when it is large."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def machine(folder: Path) -> dict[str, str]:
    """What the figures were measured on, in words that name nobody."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "processor": _processor(),
        "cores": f"{os.cpu_count()} cores",
        "memory": f"{memory_gb:.0f} GB",
        "system": platform.system(),
        "file_system": file_system_of(folder) or "unknown file system",
        "sqlite": f"SQLite {sqlite3.sqlite_version}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
