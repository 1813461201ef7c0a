"""The other engine: a process of Home Assistant's own Python that replays cases, or none where there is none."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
VARIABLE = "HUB_HA_PYTHON"
VERSION = "2025.4.4"
NOTICE = f"no Home Assistant {VERSION}: make one with script/ha-venv DIR and set {VARIABLE}=DIR/bin/python"

START = "2026-03-02T08:00:00+00:00"
TAIL_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Case:
    """Rules, what happens to them, and the world they live in."""

    name: str = ""
    rules: str
    trace: tuple[Mapping[str, Any], ...]
    start: str = START
    tz: str = "UTC"
    tail_s: float = TAIL_S
    files: Mapping[str, str] = field(default_factory=dict)
    """The texts that reload lines name."""

    def as_json(self) -> str:
        """What the other process reads."""
        return json.dumps({
            "rules": self.rules, "trace": list(self.trace), "start": self.start, "tz": self.tz,
            "tail": self.tail_s, "files": dict(self.files),
        })  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What an engine made of a case."""

    calls: list[dict[str, Any]]
    refused: list[str]
    """Rules that it did not accept, with its reasons."""
    error: str | None = None
    """Why there is no answer."""


def python() -> str | None:
    """The Python that has Home Assistant; None when nobody named one."""
    return os.environ.get(VARIABLE) or None


class Peer:
    """One process of Home Assistant, asked case by case."""

    def __init__(self, executable: str) -> None:
        self._process = subprocess.Popen(
            [executable, str(HERE / "ha_replay.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def replay(self, case: Case) -> Answer:
        """Home Assistant's answer to a case."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(case.as_json() + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            return Answer([], [], f"the process ended with {self._process.wait()}")
        answer = json.loads(line)
        return Answer(answer.get("calls", []), answer.get("invalid", []), answer.get("error"))

    def replay_all(self, cases: Iterable[Case]) -> list[Answer]:
        """Home Assistant's answers, in order."""
        return [self.replay(case) for case in cases]

    def close(self) -> None:
        """Let the process end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Peers:
    """A few processes of Home Assistant that share the cases."""

    def __init__(self, executable: str, count: int) -> None:
        self._peers = [Peer(executable) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count)

    def replay(self, case: Case) -> Answer:
        """Home Assistant's answer to one case."""
        return self._peers[0].replay(case)

    def replay_all(self, cases: Sequence[Case]) -> list[Answer]:
        """Home Assistant's answers, in order."""
        count = len(self._peers)
        shares = self._threads.map(lambda place: self._peers[place].replay_all(cases[place::count]), range(count))
        answers: list[Answer] = [Answer([], [])] * len(cases)
        for place, share in enumerate(shares):
            answers[place::count] = share
        return answers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()
        for peer in self._peers:
            peer.close()
