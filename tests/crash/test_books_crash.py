"""The books lose nothing that was acknowledged, and count nothing twice, wherever the hub is killed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from test_crash import every_point, run

# For each size: how often every point, and how many random moments.
SIZES = {"quick": (1, 6), "ci": (3, 100), "full": (3, 1_000)}
SUITE = os.environ.get("HUB_SUITE", "quick")
OF_THE_CORE = ("storage.before_commit", "storage.after_commit", "storage.after_callbacks", "timers.before_commit")
"""Where every transaction of the books passes."""


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_money_and_reads_survive_every_death(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    each, at_random = SIZES[SUITE]
    points = [name for name, place in every_point().items() if place.startswith("plugins/prepaid/")]
    points += OF_THE_CORE
    report = run("books_world", tmp_path, points, each, at_random)
    at_points: dict[str, int] = report["at_points"]
    with capsys.disabled():
        print(  # noqa: T201 - the figures are for people
            f"\nbooks: {len(points)} points with {min(at_points.values())} kills or more each, "
            f"{report['random_kills']} kills at random moments, {report['answered']} acknowledgements, "
            f"{len(report['violations'])} violations, {report['seconds']} s, seed {report['seed']}"
        )
    assert report["violations"] == []
    assert set(at_points) == set(points)
    assert min(at_points.values()) >= each, f"too few kills: { ({p: n for p, n in at_points.items() if n < each}) }"
    assert report["random_kills"] >= at_random
    assert report["answered"] > 10 * each
