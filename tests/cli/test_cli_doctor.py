"""`hub doctor`: each finding by itself, and all of them over a site."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sites import BELL, HUB_YAML, make_site

from hub.cli import exits, machine, main


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def findings(*arguments: str | Path) -> dict[str, tuple[str, str]]:
    shown = run("doctor", "--json", *arguments)
    return {one["what"]: (one["result"], one["finding"]) for one in json.loads(shown.stdout)}


@pytest.mark.parametrize(
    ("version", "result", "said"),
    [
        ((3, 36, 0), "error", "too old"),
        ((3, 40, 1), "ok", "WAL-reset bug"),
        ((3, 51, 2), "ok", "Hub has one, so its files are safe"),
        ((3, 51, 3), "ok", "3.51.3"),
    ],
)
def test_the_verdict_on_sqlite(version: tuple[int, int, int], result: str, said: str) -> None:
    finding = machine.sqlite(version)
    assert finding.result == result
    assert said in finding.text
    assert ("WAL" in finding.text) is (version in {(3, 40, 1), (3, 51, 2)})


@pytest.mark.parametrize(
    ("case", "times_ms", "result", "said"),
    [
        ("a good disk", [1.0] * 19 + [8.0], "ok", "median 1.00 ms, worst 8.00 ms"),
        ("a slow disk", [45.0] * 20, "warning", "slow"),
        ("a disk that stalls", [1.0] * 19 + [700.0], "warning", "slow"),
        ("no disk at all", [0.002] * 20, "warning", "too fast to be true"),
    ],
)
def test_the_verdict_on_the_disk(case: str, times_ms: list[float], result: str, said: str, tmp_path: Path) -> None:
    finding = machine.judge_sync(times_ms, tmp_path)
    assert finding.result == result
    assert said in finding.text


def test_measuring_the_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    times_ms = machine.measure_sync_ms(tmp_path)
    assert len(times_ms) == machine.SYNCS
    assert min(times_ms) > 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    finding = machine.disk_sync(tmp_path / "gone")
    assert finding.result == "error"
    assert "cannot be written" in finding.text


@pytest.mark.parametrize(
    ("case", "now", "newest", "result", "said"),
    [
        ("a clock that lost its time", datetime(1970, 1, 2, tzinfo=UTC), None, "error", "cannot be right"),
        (
            "behind its own records",
            datetime(2026, 5, 1, tzinfo=UTC),
            timedelta(hours=1),
            "error",
            "before the newest",
        ),
        ("all is well", datetime(2026, 5, 1, tzinfo=UTC), timedelta(hours=-1), "ok", "2026-05-01 00:00:00 UTC"),
        ("no records yet", datetime(2026, 5, 1, tzinfo=UTC), None, "ok", "2026-05-01"),
    ],
)
def test_the_verdict_on_the_clock(
    case: str, now: datetime, newest: timedelta | None, result: str, said: str
) -> None:
    finding = machine.clock(None if newest is None else now + newest, now)
    assert finding.result == result
    assert said in finding.text


def test_a_healthy_site_is_ok_and_a_plugins_own_check_is_among_the_findings(tmp_path: Path) -> None:
    found = findings(make_site(tmp_path / "site"))
    assert found["site"][0] == "ok"
    assert found["hub"] == ("ok", "not running")
    assert found["bell: clapper"] == ("warning", "it is worn")
    assert not (tmp_path / "site/data").exists()
    assert run("doctor", tmp_path / "site").exit_code == 0


def test_outside_of_a_site_it_looks_at_the_machine(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert found["site"][0] == "warning"
    assert found["Python"][0] == "ok"
    assert "hub init" in found["site"][1]


BROKEN_CHECK = BELL.replace('lambda: ("warning", "it is worn")', "lambda: 1 / 0")


@pytest.mark.parametrize(
    ("case", "yaml", "plugin", "what", "said"),
    [
        ("a wrong configuration", f"{HUB_YAML}    volume: loud\n", BELL, "site", "hub.yaml:8:13"),
        ("a plugin that is used and broken", HUB_YAML, "1 / 0\n", "plugin bell", "ZeroDivisionError"),
        ("a check that is broken itself", HUB_YAML, BROKEN_CHECK, "bell: clapper", "the check itself failed"),
    ],
)
def test_an_error_is_told_and_makes_the_exit_code(
    tmp_path: Path, case: str, yaml: str, plugin: str, what: str, said: str
) -> None:
    site = make_site(tmp_path / "site", yaml, {"bell": plugin})
    assert run("doctor", site).exit_code == exits.ERRORS
    result, text = findings(site)[what]
    assert result == "error"
    assert said in text


def test_a_vanished_database_is_an_error(tmp_path: Path) -> None:
    data = make_site(tmp_path / "site") / "data"
    data.mkdir()
    (data / "site.id").write_text("abc\n")
    result, text = findings(tmp_path / "site")["records"]
    assert result == "error"
    assert "hub backup restore" in text
