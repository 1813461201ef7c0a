"""Our side of the comparison: `hub rules replay --home-assistant`, called as a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ha_peer import Case

_MODULE = "hub.automation.rehearse.replay"
NOTICE = f"{_MODULE} is not there yet"


def is_there() -> bool:
    """Whether this hub can replay."""
    try:
        return find_spec(_MODULE) is not None
    except ModuleNotFoundError:
        return False


def replay(case: Case, folder: Path) -> list[dict[str, Any]]:
    """The calls that our engine makes of a case; `folder` takes the files of its reloads."""
    run: Callable[..., list[dict[str, Any]]] = import_module(_MODULE).replay
    lines = [json.dumps(_with_file(line, case, folder)) for line in case.trace]
    return run(case.rules, lines, case.start, case.tz, case.tail_s, home_assistant=True)


def _with_file(line: Any, case: Case, folder: Path) -> Any:
    if line.get("reload") not in case.files:
        return line
    path = folder / f"{line['reload']}.yaml"
    path.write_text(case.files[line["reload"]])
    return {**line, "reload": str(path)}
