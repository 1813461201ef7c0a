"""`hub sim bus`: what it prints, how it stops, and what it says when it cannot."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from field_stage import framed, read_frame

from hub.contracts.profiles import load_profile
from hub.core.errors import HubError
from hub.sim.field.command import made_up_serial, sim
from hub.sim.field.config import serial_problem

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(40)]
LIMIT_S = 20.0
PROFILES = sorted((Path(__file__).parents[3] / "plugins/kpm_modbus/profiles").glob("*.yaml"))


def start(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "hub.cli", "sim", "bus", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_it_says_where_it_listens_serves_and_ends_in_order_at_control_c() -> None:
    process = start("--listen", "tcp-rtu://127.0.0.1:0", "--meters", "3", "--json", "--speed", "fast")
    try:
        about = json.loads(line_of(process))
        assert (about["profile"], about["baud"]) == ("compere_kpm33b", 9600)
        [bus] = about["buses"]
        assert [meter["unit"] for meter in bus["meters"]] == [1, 2, 3]
        port = int(bus["url"].rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), LIMIT_S) as connection:
            connection.sendall(read_frame(2, 0x12, 7))
            reply = connection.recv(64)
        assert reply == framed(2, 3, 14, *bus["meters"][1]["serial"].encode(), 0)
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == 0
    finally:
        process.kill()
        process.communicate()


def test_people_get_a_line_for_each_bus_and_each_fault_and_a_sum_at_the_end() -> None:
    options = ["--buses", "2", "--meters", "4", "--fault", "silent:3", "--fault", "half_open", "--baud", "19200"]
    process = start("--listen", "tcp://127.0.0.1:0", *options)
    try:
        lines = [line_of(process) for _ in range(5)]
        assert all(line.startswith("tcp://127.0.0.1:") for line in lines[:2])
        assert all(line.endswith("  units 1 to 4, compere_kpm33b, at 19200 baud\n") for line in lines[:2])
        assert lines[2:] == ["fault silent: unit 3\n", "fault half_open: the whole bus\n", "Ctrl-C to stop\n"]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LIMIT_S)
        assert (process.returncode, out, err) == (0, "served 0 requests\n", "")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--listen", "udp://x:1"], "cannot listen on 'udp://x:1'"),
        (["--listen", "pty", "--profile", "compere_kpm"], "there is no device profile 'compere_kpm'. Did you mean"),
        (["--listen", "pty", "--fault", "silnt"], "there is no fault 'silnt'. Did you mean 'silent'?"),
        (["--listen", "pty", "--fault", "silent:9"], "no simulated meter has unit 9 here; the units are 1"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_reason(options: list[str], said: str) -> None:
    result = CliRunner().invoke(sim, ["bus", *options])
    assert isinstance(result.exception, HubError)
    assert said in str(result.exception)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Missing option '--listen'"),
        (["--listen", "pty", "--baud", "9601"], "'9601' is not one of"),
        (["--listen", "pty", "--meters", "300"], "300 is not in the range 1<=x<=247"),
        (["--listen", "pty", "--gateway-timeout-ms", "100"], "--gateway-timeout-ms is for tcp:// only"),
    ],
)
def test_a_wrong_option_is_a_usage_error(options: list[str], said: str) -> None:
    result = CliRunner().invoke(sim, ["bus", *options])
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_shipped_type_has_serial_numbers_to_make_up(path: Path) -> None:
    profile = load_profile(path)
    serials = [made_up_serial(profile, number) for number in (1, 2, 246_999)]
    assert len(set(serials)) == 3
    assert [serial_problem(profile, serial) for serial in serials] == ["", "", ""]
