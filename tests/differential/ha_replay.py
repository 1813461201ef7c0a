"""Replay rules on Home Assistant's own engine, in virtual time; run by Home Assistant's Python.

Reads one JSON object per line (a case: `rules`, `trace`, `start`, `tz`, `tail`, and `files` for reloads) and
answers each with one: `calls`, as `hub rules replay` prints them, and `invalid`, or `error`.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ha_virtual_time

ha_virtual_time.install()

import ha_house  # noqa: E402 - after the clocks
from homeassistant.const import __version__  # noqa: E402

Record = dict[str, Any]
VERSION = "2025.4.4"


def main() -> None:
    """Answer each case of standard input on standard output."""
    logging.disable() if "--log" not in sys.argv else logging.basicConfig(level=logging.INFO)
    with TemporaryDirectory() as folder:
        for line in sys.stdin:
            answer = _answer(json.loads(line), Path(folder))
            print(json.dumps(answer, default=str), flush=True)  # noqa: T201 - the answer


def _answer(case: Record, folder: Path) -> Record:
    try:
        assert __version__ == VERSION, f"this is Home Assistant {__version__}, not {VERSION}"
        return ha_house.replay(case, folder)
    except Exception as error:
        logging.getLogger(__name__).exception("the case failed")
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
