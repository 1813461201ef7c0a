"""The benchmark package: that it measures what it says, in the order it says. No test here looks at a time."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench import report
from bench.arithmetic import AtLeast, AtLeastPeer, AtMost, Better, Series, ratio_of
from bench.catalogue import MEASUREMENTS, chosen
from bench.measurement import Line, Measurement
from bench.pythons import ROOT, Python, PythonUnusable, home_assistant, own
from bench.runner import Plan, Result, WrongFolder, mounted_at, refuse_memory, run

FAKE_WORKS = """
from pathlib import Path

def ours(params):
    log = Path(params["log"])
    done = log.read_text().splitlines() if log.exists() else []
    log.write_text("\\n".join([*done, "ours"]))
    return {"per_s": 100.0 + 10 * len(done), "groups": 7}

def peer(params):
    log = Path(params["log"])
    log.write_text(log.read_text() + f"\\npeer with {params['groups']} groups")
    return {"per_s": 50.0}

def prepare(params):
    Path(params["folder"], "made").write_text("once")
    with open(params["log"] + ".prepared", "a") as file:
        file.write("prepared ")
    return {}

def start(params):
    made = Path(params["folder"], "made")
    assert made.read_text() == "once"
    made.write_text("spoilt")
    return {"per_s": 1.0}

def broken(params):
    raise ValueError("the work went wrong")
"""


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of works that children can import; they keep a log at the path that this gives."""
    (tmp_path / "bench_fakes.py").write_text(FAKE_WORKS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return str(tmp_path / "log")


def fake(name: str, log: str, ours: str = "ours", **more: object) -> Measurement:
    """A measurement of a fake work."""
    sizes: Mapping[str, int] = {"log": log}  # type: ignore[dict-item]
    line = Line(name, "per_s", "/s", bar=AtLeastPeer(2.0))
    return Measurement(name, f"bench_fakes:{ours}", sizes, sizes, (line,), **more)  # type: ignore[arg-type]


def plan_of(tmp_path: Path, *measurements: Measurement, rounds: int = 1) -> Plan:
    """A plan that runs them with this Python."""
    return Plan(
        measurements, rounds, is_quick=False, folder=tmp_path / "scratch", python=own(), home_assistant=None
    )


@pytest.mark.parametrize(
    ("better", "ours", "peer", "expected"),
    [
        pytest.param(
            Better.MORE, (300.0, 200.0, 900.0), (100.0, 150.0, 50.0), 3.0, id="a rate: ours by the peer's"
        ),
        pytest.param(Better.LESS, (2.0,), (6.0,), 3.0, id="a time: the peer's by ours"),
        pytest.param(Better.LESS, (6.0,), (2.0,), 1 / 3, id="a time that is longer counts below 1"),
    ],
)
def test_the_ratio_is_that_of_the_medians_and_above_1_when_ours_is_better(
    better: Better, ours: tuple[float, ...], peer: tuple[float, ...], expected: float
) -> None:
    assert ratio_of(Series(ours), Series(peer), better) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("bar", "median", "ratio", "is_met"),
    [
        pytest.param(AtLeastPeer(1.5), 1.0, 1.5, True, id="the ratio is reached exactly"),
        pytest.param(AtLeastPeer(1.5), 1e9, 1.49, False, id="a high figure does not make up for the ratio"),
        pytest.param(AtLeastPeer(1.5), 1e9, None, None, id="without a peer nobody can say"),
        pytest.param(AtMost(50, "ms"), 50.0, None, True, id="a limit needs no peer"),
        pytest.param(AtMost(50, "ms"), 50.1, 99.0, False, id="a limit stands whatever the peer has"),
        pytest.param(AtLeast(0.95, "of 1/T(60)"), 0.95, None, True, id="a floor needs no peer either"),
        pytest.param(AtLeast(0.95, "of 1/T(60)"), 0.949, 99.0, False, id="a floor stands whatever the peer has"),
    ],
)
def test_a_bar_is_met(
    bar: AtLeastPeer | AtMost | AtLeast, median: float, ratio: float | None, is_met: bool | None
) -> None:
    assert bar.is_met(Series((median,)), ratio) is is_met


def test_a_time_of_zero_is_better_than_any_other_and_no_error() -> None:
    assert ratio_of(Series((0.0,)), Series((2.0,)), Better.LESS) == float("inf")


def test_the_spread_is_half_the_distance_from_lowest_to_highest_as_a_share_of_the_median() -> None:
    assert Series((90.0, 100.0, 120.0)).spread == pytest.approx(0.15)
    assert Series((90.0,)).spread == 0


def test_ours_and_the_peer_take_turns_and_the_peer_gets_what_is_handed_on(tmp_path: Path, works: str) -> None:
    measurement = fake("turns", works, plain="bench_fakes:peer", plain_name="the peer", handed_on=("groups",))
    plan = plan_of(tmp_path, measurement, rounds=3)

    (result,) = run(plan, lambda text: None)

    assert Path(works).read_text().splitlines() == ["ours", "peer with 7 groups"] * 3
    (outcome,) = report.outcomes([result])
    assert outcome.ours.values == (100.0, 120.0, 140.0)
    assert outcome.ratio == pytest.approx(120 / 50)
    assert outcome.is_met is True
    assert outcome.ratios == pytest.approx((2.0, 2.4, 2.8))
    assert "2.4  2.00..2.80  >= 2 x peer  yes" in report.table(plan, [result])


def test_a_measurement_with_fewer_rounds_of_its_own_is_left_out_of_the_later_ones(
    tmp_path: Path, works: str
) -> None:
    plan = plan_of(tmp_path, fake("once", works, rounds_max=1), fake("thrice", works), rounds=3)

    assert [len(result.ours) for result in run(plan, lambda text: None)] == [1, 3]


def test_every_round_begins_with_a_fresh_copy_of_what_was_prepared_once(tmp_path: Path, works: str) -> None:
    measurement = fake("start", works, ours="start", prepare="bench_fakes:prepare")
    (result,) = run(plan_of(tmp_path, measurement, rounds=2), lambda text: None)

    assert (result.failure, len(result.ours)) == ("", 2)
    assert Path(f"{works}.prepared").read_text() == "prepared "


def test_a_measurement_that_fails_says_why_and_the_others_go_on(tmp_path: Path, works: str) -> None:
    plan = plan_of(tmp_path, fake("bad", works, ours="broken"), fake("good", works), rounds=2)

    results = run(plan, lambda text: None)

    assert results[0].failure == "bench_fakes:broken ended with code 1: ValueError: the work went wrong"
    assert len(results[1].ours) == 2
    assert "failed: bad: bench_fakes:broken ended with code 1" in report.table(plan, results)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_quick_run_prints_a_table_and_valid_json_that_names_no_place(tmp_path: Path) -> None:
    asked = ["states.no_listener", "actions.plain", "virtual.timers"]
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "bench",
                "--quick",
                "--dir",
                str(tmp_path),
                "--json",
                str(tmp_path / "out.json"),
            ),
            *("--only", *asked),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "(quick, not a verdict" in done.stdout
    text = (tmp_path / "out.json").read_text()
    told = json.loads(text)
    assert [line["measurement"] for line in told["lines"]] == asked
    assert (told["is_verdict"], told["failures"], told["home_assistant"]) == (False, {}, None)
    for line in told["lines"]:
        assert line["ours"]["median"] > 0
        assert line["command"] in done.stdout
    assert str(ROOT) not in text + done.stdout
    assert str(tmp_path) not in text + done.stdout


def test_a_name_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no measurement is called stat; there are: states\.no_listener, "):
        chosen(["states", "stat"])


def test_the_first_part_of_a_name_chooses_its_whole_group_and_no_other() -> None:
    assert {one.name for one in chosen(["durable"])} == {f"durable.{one}" for one in ("1", "64", "512", "postings")}


def test_the_heavy_ones_are_measured_when_they_are_named_or_all_are_asked_for() -> None:
    heavy = {one.name for one in MEASUREMENTS if one.is_heavy}

    assert heavy
    assert heavy.isdisjoint(one.name for one in chosen([]))
    assert heavy <= {one.name for one in chosen([], with_heavy=True)}
    assert {one.name for one in chosen(["field_load"])} == heavy


def test_a_python_without_home_assistant_is_refused_with_the_way_to_one() -> None:
    with pytest.raises(PythonUnusable, match="has no Home Assistant; make one with script/ha-venv DIR"):
        home_assistant(sys.executable)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        pytest.param("/home/site/data", "ext4", id="the root holds it"),
        pytest.param("/run/bench", "tmpfs", id="a mount inside the root"),
        pytest.param("/runner", "ext4", id="a name that only begins like the mount's"),
        pytest.param("/run/disk/x", "xfs", id="a mount inside that mount"),
    ],
)
def test_the_innermost_mount_tells_the_file_system(place: str, kind: str) -> None:
    mounts = "/dev/b /run/disk xfs rw 0 0\ntmpfs /run tmpfs rw 0 0\n/dev/a / ext4 rw 0 0\n"
    assert mounted_at(Path(place), mounts) == kind


def test_a_folder_in_memory_is_refused_because_nothing_there_is_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.runner.file_system_of", lambda folder: "tmpfs")
    with pytest.raises(
        WrongFolder, match="/somewhere is on tmpfs, which is memory; name a folder on a disk with --dir"
    ):
        refuse_memory(Path("/somewhere"))


def test_a_second_figure_of_the_peer_has_no_line_when_the_peer_is_not_there() -> None:
    (measurement,) = chosen(["actions.plain"])
    alone = Result(measurement, ours=[{"calls_per_s": 5.0}])
    beside = Result(
        measurement, ours=[{"calls_per_s": 5.0}], peer=[{"coroutine_calls_per_s": 2.0, "callback_calls_per_s": 4.0}]
    )

    assert [one.ratio for one in report.outcomes([alone])] == [None]
    assert [one.ratio for one in report.outcomes([beside])] == [2.5, 1.25]


def test_the_command_of_a_line_asks_for_home_assistant_only_where_that_is_the_peer(tmp_path: Path) -> None:
    beside = Python("python", "3.13.0", "2025.4.4")
    plan = Plan((), 5, is_quick=False, folder=tmp_path, python=own(), home_assistant=beside)
    states, commits = chosen(["states.no_listener"])[0], chosen(["durable.1"])[0]
    answers: list[Mapping[str, float]] = [{"writes_per_s": 1.0, "with_changes_per_s": 1.0, "rows_only_per_s": 1.0}]
    commands = [
        report.command(plan, report.outcomes([Result(one, answers, answers, name)])[0])
        for one, name in ((states, "Home Assistant 2025.4.4"), (commits, "plain sqlite3"))
    ]

    assert commands == [
        "script/bench --only states.no_listener --ha-python PATH",
        "script/bench --only durable.1",
    ]


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=lambda one: one.name)
def test_every_work_in_the_catalogue_exists(measurement: Measurement) -> None:
    for work in filter(None, (measurement.ours, measurement.prepare, measurement.plain)):
        place, _, name = work.partition(":")
        assert callable(getattr(import_module(place), name))
    if measurement.home_assistant is not None:
        place, _, name = measurement.home_assistant.partition(":")
        spec = find_spec(place)
        assert spec is not None
        assert spec.origin is not None
        body = ast.parse(Path(spec.origin).read_text()).body
        assert name in {one.name for one in body if isinstance(one, ast.FunctionDef)}


def test_the_documentation_explains_every_measurement() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    assert [one.name for one in MEASUREMENTS if f"`{one.name}`" not in text] == []
