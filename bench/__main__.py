"""`python -m bench`: the figures of this machine as a table, and as JSON when asked."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench import report
from bench.catalogue import MEASUREMENTS, chosen
from bench.pythons import ROOT, PythonUnusable, home_assistant, own
from bench.runner import Plan, WrongFolder, note, run

ROUNDS, ROUNDS_FULL = 5, 11


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 0 when everything was measured, whether bars are met or not."""
    options = _parser().parse_args(arguments)
    try:
        peer, ours = home_assistant(options.ha_python) if options.ha_python else (None, own())
        plan = Plan(
            measurements=chosen(options.only, with_heavy=options.full),
            rounds=1 if options.quick else options.rounds or (ROUNDS_FULL if options.full else ROUNDS),
            is_quick=options.quick,
            folder=options.dir,
            python=ours,
            home_assistant=peer,
        )
        results = run(plan, note)
    except (PythonUnusable, WrongFolder, ValueError) as error:
        note(f"bench: {error}")
        return 2
    print(report.table(plan, results))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report.as_json(plan, results), indent=2) + "\n")
    return 1 if any(result.failure for result in results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measure the hub, beside its peers where there are any.",
        epilog="Measurements: "
        + ", ".join(f"{one.name} (heavy)" if one.is_heavy else one.name for one in MEASUREMENTS),
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="one round of small sizes, no verdict")
    size.add_argument(
        "--full", action="store_true", help=f"{ROUNDS_FULL} rounds instead of {ROUNDS}, and the heavy ones too"
    )
    size.add_argument("--rounds", type=int, metavar="N", help="this many rounds")
    parser.add_argument("--ha-python", metavar="PATH", help="a Python with Home Assistant, by script/ha-venv")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures of all rounds there too")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="these measurements; `states` is all of `states.*`"
    )
    parser.add_argument(
        "--dir",
        type=Path,
        default=ROOT / "data" / "bench",
        help="a folder on the disk to measure (default: data/bench)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
