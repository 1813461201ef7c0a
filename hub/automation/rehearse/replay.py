"""`replay`: rules on a trace, in virtual time and without a running hub; the answer is every call they make."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.automation.language import Loaded, load_rules_file
from hub.automation.rehearse.house import House
from hub.automation.rehearse.virtual_time import Advance, VirtualTime
from hub.automation.runtime.runs.calling import Asked
from hub.automation.runtime.strategies import HOME_ASSISTANT, OURS, Strategies
from hub.contracts.history import (
    EventLine,
    Line,
    ReloadLine,
    RemovedLine,
    RestartLine,
    ResultLine,
    StateLine,
)
from hub.contracts.history_lines import decode_line
from hub.core.clock import Clock, from_us, to_us

log = logging.getLogger(__name__)

START = "2026-03-02T08:00:00+00:00"
TAIL_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What is replayed, and how."""

    rules: Path
    lines: Sequence[Line]
    start_us: int
    time_zone: ZoneInfo
    tail_s: float = TAIL_S
    strategies: Strategies = OURS
    on_call: Callable[[Mapping[str, object]], object] = lambda call: None
    """Told of each call as it is made."""
    on_refused: Callable[[str], object] = log.warning
    """Told what is wrong with rules that do not run, and with a reload that changes nothing."""


def replay(
    rules: str,
    trace: Iterable[str],
    start: str,
    tz: str,
    tail_s: float,
    *,
    virtual_time: VirtualTime,
    home_assistant: bool = False,
) -> list[dict[str, object]]:
    """The calls that rules make on a trace, both given as texts."""
    start_us = instant(start, tz)
    calls: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="hub-replay-") as folder:
        file = Path(folder) / "rules.yaml"
        file.write_text(rules)
        lines = [decode_line(text, f"trace:{number}", start_us=start_us) for number, text in enumerate(trace, 1)]
        run(
            Replay(
                rules=file, lines=lines, start_us=start_us, time_zone=ZoneInfo(tz), tail_s=tail_s,
                strategies=HOME_ASSISTANT if home_assistant else OURS,
                on_call=lambda call: calls.append(dict(call)),
            ),
            virtual_time,
        )  # fmt: skip
    return calls


def run(what: Replay, virtual_time: VirtualTime) -> None:
    """Replay; raises `HubError` when the trace cannot be, or when the rules do not come to run."""
    with tempfile.TemporaryDirectory(prefix="hub-rehearsal-") as folder:

        async def main(clock: Clock, advance: Advance) -> None:
            await _Player(what, Path(folder), clock, advance).play()

        virtual_time(main, from_us(what.start_us))


def instant(text: str, tz: str) -> int:
    """An instant in microseconds; a time without an offset is local to the zone."""
    at = datetime.fromisoformat(text)
    return to_us(at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(tz)))


class _Player:
    """Plays the lines of one replay."""

    def __init__(self, what: Replay, folder: Path, clock: Clock, advance: Advance) -> None:
        self._what = what
        self._clock = clock
        self._rules = what.rules
        self._is_over = False
        """That the trace ends is no stop of the hub that rules could hear of."""
        self._house = House(folder, what.time_zone, clock, advance, self._load, what.strategies, self._called)

    async def play(self) -> None:
        """Play all lines and the time after the last one."""
        lines = list(self._what.lines)
        for line in lines:
            if line.at_us == self._what.start_us:
                self._note(line)
        await self._house.start()
        place = 0
        while place < len(lines):
            line = lines[place]
            place += 1
            if line.at_us == self._what.start_us and isinstance(line, StateLine | RemovedLine | ResultLine):
                continue
            await self._wait_until(line.at_us)
            if isinstance(line, RestartLine):
                place = await self._restart(line, lines, place)
            else:
                await self._feed(line)
        await self._wait_until(self._clock.now_us() + round(self._what.tail_s * 1e6))
        self._is_over = True
        await self._house.stop()

    async def _feed(self, line: Line) -> None:
        match line:
            case StateLine() | RemovedLine():
                await self._house.set(line)
            case EventLine():
                await self._house.fire(line)
            case ReloadLine():
                await self._reload(line)
            case _:
                self._note(line)

    def _note(self, line: Line) -> None:
        """Take what the field does while no hub listens; its events are lost."""
        match line:
            case StateLine() | RemovedLine():
                self._house.note(line)
            case ResultLine():
                self._house.answers.responses[line.action] = _plain(line.response)

    async def _restart(self, line: RestartLine, lines: Sequence[Line], place: int) -> int:
        """Stop, be down, and start again; returns the place of the first line that the new start hears."""
        up_us = line.at_us + line.down_us
        await self._house.stop()
        while place < len(lines) and lines[place].at_us <= up_us:
            self._note(lines[place])
            place += 1
        await self._wait_until(up_us)
        await self._house.start()
        return place

    async def _reload(self, line: ReloadLine) -> None:
        before, self._rules = self._rules, self._what.rules.parent / line.file
        errors = await self._house.reload()
        if errors is not None:
            self._rules = before
            self._what.on_refused(f"the reload of {line.file} changes nothing:\n{errors}")

    async def _wait_until(self, at_us: int) -> None:
        await self._house.advance(max(0.0, (at_us - self._clock.now_us()) / 1e6))

    def _load(self) -> Loaded:
        loaded = load_rules_file(self._rules)
        for one in loaded.invalid:
            for error in one.errors:
                self._what.on_refused(str(error))
        return loaded

    def _called(self, asked: Asked) -> None:
        if self._is_over:
            return
        t = round((self._clock.now_us() - self._what.start_us) / 1e6, 6)
        self._what.on_call({"t": t, "rule": asked.rule_id, "action": asked.action, "data": _plain(asked.data)})


def _plain(value: object) -> object:
    """A value as JSON holds it."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(one) for one in value), key=str)
    if isinstance(value, Decimal):
        return float(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
