"""Our side of the comparison: `hub rules replay --home-assistant`, called as a function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ha_peer import Case

from hub.automation.rehearse.replay import replay as replay_rules
from hub.sim.rehearsal import rehearse


def replay(case: Case, folder: Path) -> list[dict[str, Any]]:
    """The calls that our engine makes of a case; `folder` takes the files of its reloads."""
    lines = [json.dumps(_with_file(line, case, folder)) for line in case.trace]
    return replay_rules(
        case.rules, lines, case.start, case.tz, case.tail_s, virtual_time=rehearse, home_assistant=True
    )


def _with_file(line: Any, case: Case, folder: Path) -> Any:
    if line.get("reload") not in case.files:
        return line
    path = folder / f"{line['reload']}.yaml"
    path.write_text(case.files[line["reload"]])
    return {**line, "reload": str(path)}
