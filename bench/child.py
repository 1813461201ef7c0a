"""One measurement in one process: `python -m bench.child MODULE:FUNCTION PARAMS`, the answer as the last line.

Only the standard library is imported before the work itself, so that its memory and start time are its own.
"""

from __future__ import annotations

import json
import platform
import sqlite3
import sys
from collections.abc import Mapping
from importlib import import_module

MARK = "bench-answer "
"""What the answer's line begins with; whatever else the work prints is of no account."""


def main(arguments: list[str]) -> None:
    """Do the named work and print its answer."""
    place, _, name = arguments[0].partition(":")
    params = json.loads(arguments[1])
    figures: Mapping[str, object] = getattr(import_module(place), name)(params)
    about = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    print(MARK + json.dumps({"figures": figures, "about": about}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
