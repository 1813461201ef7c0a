"""`hub modbus` against a hub that runs for real, over a simulated bus: status, read, and the commissioning walk."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sites import LIMIT_S, environment, hub, in_json, make_site, pause, running

pytestmark = pytest.mark.real_time

SERIAL = "33B1225950027"
YAML = f"""\
site: {{name: Test hall, time_zone: Asia/Shanghai}}
limits: {{ballast_mb: 0}}
plugins:
  simulator:
    buses:
      hall:
        - {{unit: 1, serial: {SERIAL}, load_w: 6000, energy_wh: 1234567}}
  kpm_modbus:
    relay_min_interval: 0 s
    buses:
      - id: hall
        link: sim://hall
        periods: {{fast: 1 s}}
        meters:
          - {{point: stall_07, profile: compere_kpm33b, unit: 1, serial: {SERIAL}}}
"""


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A site whose hub runs, and has read its meter."""
    folder = make_site(tmp_path_factory.mktemp("hall"), YAML)
    with running(folder):
        for _ in range(100):
            if hub("modbus", "read", "stall_07", "--folder", folder).returncode == 0:
                break
            pause(0.1)
        yield folder


def answering(folder: Path, answers: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Walk through a commissioning with these answers."""
    return subprocess.run(
        [
            sys.executable, "-P", "-m", "hub.cli", "modbus", "commission", "stall_07", "--folder", str(folder),
            *options,
        ],
        env=environment(), cwd="/", input=answers, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip


def relay(folder: Path) -> object:
    found = in_json(hub("entity", "show", "binary_sensor.stall_07_relay", "--folder", folder, "--json"))
    assert isinstance(found, dict)
    return found["state"]["value"]


def last_session(folder: Path) -> dict[str, Any]:
    sessions = in_json(hub("modbus", "commission", "stall_07", "--list", "--json", "--folder", folder))
    assert isinstance(sessions, list)
    newest: dict[str, Any] = sessions[0]
    return newest


def test_status_names_the_bus_its_meter_and_how_they_do(hall: Path) -> None:
    done = hub("modbus", "status", "--folder", hall)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("hall  sim://hall  healthy\n")
    for word in ("  time ", "  load ", "  efficiency ", "stall_07", SERIAL, "live"):
        assert word in done.stdout
    found = in_json(hub("modbus", "status", "hall", "--json", "--folder", hall))
    assert isinstance(found, list)
    assert [meter["serial"] for meter in found[0]["meters"]] == [SERIAL]


def test_a_bus_that_is_not_there_is_answered_with_those_that_are(hall: Path) -> None:
    done = hub("modbus", "status", "roof", "--folder", hall)
    assert (done.returncode, "there is no bus 'roof'" in done.stderr, "hall" in done.stderr) == (15, True, True)


def test_read_prints_each_register_with_its_quality(hall: Path) -> None:
    done = hub("modbus", "read", "stall_07", "--folder", hall, "--json")
    assert done.returncode == 0, done.stderr
    register = json.loads(done.stdout)
    assert (register["register"], register["quality"], register["serial"]) == ("energy_import", "good", SERIAL)
    assert float(register["value"]) >= 1234.5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["read"], "name a POINT of the running hub, or --link", id="read nothing"),
        pytest.param(["read", "stall_07", "--unit", "1"], "or --link, --profile and --unit", id="read both"),
        pytest.param(["commission"], "name the POINT to commission, or --list", id="commission nothing"),
        pytest.param(["commission", "stall_07", "--yes"], "add --i-am-at-the-panel", id="yes from afar"),
    ],
)
def test_what_is_written_wrongly_is_refused_before_anything_is_asked(arguments: list[str], said: str) -> None:
    done = hub("modbus", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize("verb", ["status", "read", "commission"])
def test_without_a_hub_it_says_how_to_start_one(tmp_path: Path, verb: str) -> None:
    done = hub("modbus", verb, *([] if verb == "status" else ["stall_07"]), "--folder", tmp_path)
    assert (done.returncode, "start it with `hub run`" in done.stderr) == (14, True)


def test_a_walk_with_every_answer_yes_passes_and_is_on_record(hall: Path) -> None:
    done = answering(hall, "y\ny\ny\ny\n")
    assert done.returncode == 0, done.stdout + done.stderr
    for text in (
        f"it is {SERIAL}",
        "everything behind stall_07 loses power",
        "the relay is open",
        "stall_07: passed",
    ):
        assert text in done.stdout
    assert relay(hall) is True
    session = last_session(hall)
    assert (session["outcome"], session["actor"][:3]) == ("passed", "os:")
    assert [step["evidence"]["position"] for step in session["steps"]] == ["closed", "open", "closed"]
    assert "passed" in hub("modbus", "commission", "--list", "--folder", hall).stdout


def test_in_json_only_the_evidence_goes_to_standard_output(hall: Path) -> None:
    done = answering(hall, "", "--json", "--yes", "--i-am-at-the-panel")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] == "passed"
    assert "Open the relay? yes" in done.stderr


@pytest.mark.parametrize(
    ("answers", "outcome", "why"),
    [
        pytest.param("n\n", "abandoned", "the person says that it is another meter", id="another meter"),
        pytest.param("y\nn\n", "abandoned", "the person did not want it opened", id="not now"),
        pytest.param("y\ny\nn\ny\n", "failed", "a step was not as it should be", id="still light"),
        pytest.param("y\ny\ny\nn\n", "failed", "the person says that the power is not back", id="still dark"),
    ],
)
def test_a_no_ends_it_with_the_relay_closed(hall: Path, answers: str, outcome: str, why: str) -> None:
    done = answering(hall, answers)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"stall_07: {outcome}: {why}" in done.stdout
    assert relay(hall) is True
    assert last_session(hall)["outcome"] == outcome


def test_an_end_of_input_in_the_middle_closes_the_relay(hall: Path) -> None:
    done = answering(hall, "y\ny\n")
    assert done.returncode == 130, done.stdout + done.stderr
    assert "the relay is open" in done.stdout
    assert relay(hall) is True
    assert (last_session(hall)["outcome"], last_session(hall)["detail"]) == ("failed", "interrupted")


def test_ctrl_c_in_the_middle_closes_the_relay(hall: Path) -> None:
    with walk_until_open(hall) as process:
        assert relay(hall) is False
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == 130
    assert relay(hall) is True


def test_a_killed_walk_is_ended_by_whoever_comes_next(hall: Path) -> None:
    with walk_until_open(hall) as process:
        process.kill()
        process.wait(LIMIT_S)
    assert (last_session(hall)["outcome"], relay(hall)) == (None, False)
    refused = answering(hall, "")
    assert refused.returncode == 15
    assert "hub modbus commission stall_07 --end" in refused.stderr
    done = answering(hall, "", "--end")
    assert done.returncode == 0, done.stderr
    assert relay(hall) is True


def walk_until_open(folder: Path) -> subprocess.Popen[str]:
    """A walk that has opened the relay and waits for a person's word."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "hub.cli", "modbus", "commission", "stall_07", "--folder", str(folder)],
        env=environment(PYTHONUNBUFFERED="1"), cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("y\ny\n")
    process.stdin.flush()
    for line in process.stdout:
        if "the relay is open" in line:
            return process
    raise AssertionError("it ended before the relay was open")
