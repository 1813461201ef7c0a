"""Small cases with Home Assistant's answer, written down, so that everybody can check against it without one.

`python tests/differential/oracle.py` asks Home Assistant again and writes its answers into `cases/*.yaml`;
a new case needs only `name`, `rules` and `trace`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

import yaml
from ha_peer import NOTICE, START, TAIL_S, Case, Peer, python

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Known:
    """A case and what Home Assistant answers to it."""

    case: Case
    calls: list[dict[str, Any]]
    refused: list[str]


def known() -> Iterator[Known]:
    """All cases of the folder, named `file: sentence`."""
    for path in sorted(FOLDER.glob("*.yaml")):
        for record in yaml.safe_load(path.read_text()):
            yield Known(_case(record, path.stem), record["calls"], record.get("refused", []))


def _case(record: dict[str, Any], topic: str) -> Case:
    return Case(
        name=f"{topic}: {record['name']}", rules=record["rules"], trace=tuple(record["trace"]),
        start=record.get("start", START), tz=record.get("tz", "UTC"), tail_s=record.get("tail", TAIL_S),
        files=record.get("files", {}),
    )  # fmt: skip


def record_all(executable: str) -> None:
    """Write Home Assistant's present answers into the files."""
    with Peer(executable) as peer:
        for path in sorted(FOLDER.glob("*.yaml")):
            records = yaml.safe_load(path.read_text())
            for record in records:
                answer = peer.replay(_case(record, path.stem))
                assert answer.error is None, f"{record['name']}: {answer.error}"
                record["calls"], record["refused"] = answer.calls, [one.split(":")[0] for one in answer.refused]
            path.write_text("".join(map(_text, records)))


def _text(record: dict[str, Any]) -> str:
    """A case as YAML that reads the same by the rules of YAML 1.1 and 1.2."""
    lines = [f"- name: {json.dumps(record['name'], ensure_ascii=False)}"]
    lines += [f"  {key}: {json.dumps(record[key])}" for key in ("start", "tz", "tail") if key in record]
    lines += ["  rules: |", indent(record["rules"].rstrip(), "    ")]
    if record.get("files"):
        lines.append("  files:")
        for name, text in record["files"].items():
            lines += [f"    {name}: |", indent(text.rstrip(), "      ")]
    lines += ["  trace:", *(f"    - {json.dumps(line)}" for line in record["trace"])]
    if record["refused"]:
        lines.append(f"  refused: {json.dumps(record['refused'])}")
    calls = [f"    - {json.dumps(call)}" for call in record["calls"]]
    lines += ["  calls:", *calls] if calls else ["  calls: []"]
    return "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    if (found := python()) is None:
        sys.exit(NOTICE)
    record_all(found)
