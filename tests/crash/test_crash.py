"""A hub that is killed at every fault point and at random moments loses nothing that it has acknowledged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from points import discover

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent

# For each size: how often every point, and how many random moments in each world.
SIZES = {
    "quick": (1, {"core": 15, "demo": 5, "rules": 10}),
    "ci": (3, {"core": 100, "demo": 30, "rules": 100}),
    "full": (3, {"core": 1000, "demo": 200, "rules": 1000}),
}
SUITE = os.environ.get("HUB_SUITE", "quick")


def every_point() -> dict[str, str]:
    """All points of the product, with their places."""
    return discover(ROOT / "hub", ROOT / "plugins")


def world_of(place: str) -> str:
    """The world in which a point is reached."""
    if place.startswith("hub/core/"):
        return "core"
    return "rules" if place.startswith("hub/automation/runtime/") else "demo"


def run(world: str, folder: Path, points: list[str], each: int, random: int) -> dict[str, Any]:
    """Run the rounds in a process of their own; its report."""
    seed = os.environ.get("HUB_SEED", "1")
    done = subprocess.run(
        [
            sys.executable, str(HERE / "rounds.py"), world, str(folder),
            "--points", ",".join(points), "--each", str(each), "--random", str(random), "--seed", seed,
        ],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("world", ["core", "demo", "rules"])
def test_nothing_acknowledged_is_lost_and_nothing_is_done_by_halves(
    world: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    each, moments = SIZES[SUITE]
    points = [name for name, place in every_point().items() if world_of(place) == world]
    at_random = moments[world]
    report = run(f"{world}_world", tmp_path, points, each, at_random)
    at_points: dict[str, int] = report["at_points"]
    with capsys.disabled():
        print(  # noqa: T201 - the figures are for people
            f"\n{world}: {len(points)} points with {min(at_points.values())} kills or more each, "
            f"{report['random_kills']} kills at random moments, {report['answered']} acknowledgements, "
            f"{len(report['violations'])} violations, {report['seconds']} s, seed {report['seed']}"
        )
    assert report["violations"] == []
    assert set(at_points) == set(points)
    assert min(at_points.values()) >= each, f"too few kills: { ({p: n for p, n in at_points.items() if n < each}) }"
    assert report["random_kills"] >= at_random
    assert report["answered"] > 10 * each


SHORT_WORLD = """
from hub.core.clock import block_thread
from hub.core.faultpoints import point

NAME = "short"


def hits_max(name):
    return 4


def prepare(folder, number):
    folder.mkdir(exist_ok=True)


def live(folder, number, *, is_last):
    if number % 3:
        point("short.passed")
        block_thread(0.15)
"""


def test_only_a_life_that_died_by_its_kill_counts_and_the_others_are_tried_again(tmp_path: Path) -> None:
    (tmp_path / "short_world.py").write_text(SHORT_WORLD)
    report = run("short_world", tmp_path, ["short.passed", "short.never"], each=2, random=3)
    assert report["violations"] == []
    assert report["at_points"] == {"short.passed": 2, "short.never": 0}
    assert (report["random_kills"], report["kills"]) == (3, 2 + 3)


def test_points_are_found_whatever_name_they_are_imported_under(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from hub.core.faultpoints import point\npoint('a.one')\n")
    (tmp_path / "b.py").write_text(
        "from hub.core.faultpoints import point as fault\n\n\ndef f():\n    fault('b.two')\n"
    )
    (tmp_path / "c.py").write_text("def point(name): ...\npoint('not one of ours')\n")
    assert discover(tmp_path) == {"a.one": f"{tmp_path.name}/a.py:2", "b.two": f"{tmp_path.name}/b.py:5"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("point(f'a.{1}')", "line 2: the name of a point is a literal", id="a name that is made up"),
        pytest.param("point('a.x')\npoint('a.x')", "point 'a.x' stands twice", id="a name used twice"),
    ],
)
def test_a_point_that_could_not_be_found_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.py").write_text(f"from hub.core.faultpoints import point\n{text}\n")
    with pytest.raises(ValueError, match=message):
        discover(tmp_path)


def test_the_points_of_the_core_and_of_the_plugins_are_found() -> None:
    places = every_point()
    assert {"storage.before_commit", "timers.before_commit", "prepaid.after_credit"} <= set(places)
    worlds = {
        name: world_of(places[name]) for name in ("storage.before_commit", "prepaid.after_credit", "runs.begun")
    }
    assert worlds == {"storage.before_commit": "core", "prepaid.after_credit": "demo", "runs.begun": "rules"}
