"""What the world outside knows: what was asked, acknowledged and delivered. It survives the hub's death."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

FILE = "outside.jsonl"


class Records:
    """A file of lines, appended with one system call each: a killed process has written a line or has not."""

    def __init__(self, folder: Path) -> None:
        """Read what earlier lives have left."""
        self.asked: dict[str, dict[str, Any]] = {}
        self.answered: dict[str, Any] = {}
        self.settled: set[str] = set()
        self.far: Counter[tuple[str, str]] = Counter()
        self.kills: list[str] = []
        self.violations: list[str] = []
        path = folder / FILE
        if path.exists():
            for line in path.read_text().splitlines():
                self._take(json.loads(line))
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)

    def ask(self, key: str, kind: str, **data: object) -> None:
        """Something is going to be asked of the hub."""
        self._add({"what": "asked", "key": key, "kind": kind, "data": data})

    def answer(self, key: str, result: object) -> None:
        """The hub has acknowledged it."""
        self._add({"what": "answered", "key": key, "result": result})

    def settle(self, key: str) -> None:
        """Nothing more is asked about it: it is known not to have been done, or nobody will ever know."""
        self._add({"what": "settled", "key": key})

    def arrive(self, kind: str, key: str) -> None:
        """Something has had its effect outside the hub."""
        self._add({"what": "far", "kind": kind, "key": key})

    def kill(self, point: str) -> None:
        """The process is about to kill itself at a point."""
        self._add({"what": "kill", "point": point})

    def violation(self, text: str) -> None:
        """A promise was broken."""
        self._add({"what": "violation", "text": text})

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _add(self, line: dict[str, Any]) -> None:
        os.write(self._descriptor, json.dumps(line).encode() + b"\n")
        self._take(line)

    def _take(self, line: dict[str, Any]) -> None:
        match line["what"]:
            case "asked":
                self.asked[line["key"]] = {"kind": line["kind"], **line["data"]}
            case "answered":
                before = self.answered.setdefault(line["key"], line["result"])
                if before != line["result"]:
                    self.violations.append(f"{line['key']}: answered {before}, and later {line['result']}")
            case "settled":
                self.settled.add(line["key"])
            case "far":
                self.far[line["kind"], line["key"]] += 1
            case "kill":
                self.kills.append(line["point"])
            case "violation":
                self.violations.append(line["text"])
