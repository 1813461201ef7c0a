"""`hub modbus` without a hub, as a second terminal beside `hub sim bus`: scan, poll, plan, and profiles."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from sites import LIMIT_S, environment, hub

pytestmark = pytest.mark.real_time


@contextmanager
def simulated(*options: str) -> Iterator[str]:
    """Serve simulated meters as a person would; the link to them."""
    arguments = ["sim", "bus", "--meters", "3", "--fault", "silent:2", *options]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "hub.cli", *arguments],
        env=environment(), cwd="/", stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        place = process.stdout.readline().split()[0]
        yield f"serial://{place}?baud=9600" if place.startswith("/") else place
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT_S)


@pytest.fixture(scope="module")
def link() -> Iterator[str]:
    with simulated("--listen", "tcp-rtu://127.0.0.1:0", "--speed", "fast") as url:
        yield url


FOUND = "unit   1  compere_kpm33b       serial 33B1225000001\nunit   3  compere_kpm33b       serial 33B1225000003\n"


def test_a_scan_names_who_answers(link: str) -> None:
    scanned = hub("modbus", "scan", "--link", link, "--last", "3", "--profile", "compere_kpm33b")
    assert (scanned.returncode, scanned.stdout) == (0, FOUND)


def test_a_scan_tells_of_a_meter_of_no_type_that_was_looked_for(link: str) -> None:
    scanned = hub("modbus", "scan", "--link", link, "--last", "1", "--profile", "eastron_sdm630", "--json")
    assert json.loads(scanned.stdout) == {"unit": 1, "profile": None, "serial": None}


def test_a_gateway_that_answers_for_a_silent_meter_is_not_taken_for_one() -> None:
    with simulated("--listen", "tcp://127.0.0.1:0", "--gateway-timeout-ms", "20", "--speed", "fast") as url:
        scanned = hub("modbus", "scan", "--link", url, "--last", "3", "--profile", "compere_kpm33b")
    assert (scanned.returncode, scanned.stdout) == (0, FOUND)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--first", "2", "--last", "2", "--profile", "compere_kpm33b"), 1, "nobody answers on"),
        (("--first", "9", "--last", "3"), 2, "--first 9 lies behind --last 3; nothing is between them"),
        (("--profile", "hiking_dds238_2"), 2, "a hiking_dds238_2 has no serial number to look for"),
        (("--profile", "compere_kpm33x"), 1, "Did you mean 'compere_kpm33b'?"),
    ],
    ids=["nobody is there", "an empty range", "a type without a number", "a type that nobody knows"],
)
def test_a_scan_that_finds_nothing_says_why(link: str, options: tuple[str, ...], code: int, said: str) -> None:
    scanned = hub("modbus", "scan", "--link", link, *options)
    assert (scanned.returncode, scanned.stdout) == (code, "")
    assert said in scanned.stderr


def test_a_scan_over_a_link_that_is_down_is_no_empty_bus() -> None:
    scanned = hub("modbus", "scan", "--link", "tcp-rtu://127.0.0.1:1", "--last", "2")
    assert (scanned.returncode, scanned.stdout) == (1, "")
    assert scanned.stderr.startswith("hub: tcp-rtu://127.0.0.1:1 is down: ")


def test_a_poll_prints_each_value_with_its_quality(link: str) -> None:
    options = ("--profile", "compere_kpm33b", "--unit", "1", "--count", "2", "--period", "0.1", "--json")
    polled = hub("modbus", "poll", "--link", link, *options)
    rows = [json.loads(line) for line in polled.stdout.splitlines()]
    powers = [row for row in rows if row["point"] == "power"]
    assert (polled.returncode, len(powers), {row["quality"] for row in rows}) == (0, 2, {"good"})
    assert (powers[0]["unit"], Decimal(powers[0]["value"]) > 0) == ("W", True)


def test_a_poll_of_a_serial_port_reads_the_same_meter() -> None:
    with simulated("--listen", "pty") as url:
        polled = hub(
            "modbus", "poll", "--link", url, "--profile", "compere_kpm33b", "--unit", "3", "--group", "fast"
        )
    assert (polled.returncode, [line.split()[0] for line in polled.stdout.splitlines()]) == (
        0,
        ["power", "energy_import"],
    )


def test_a_poll_of_a_silent_meter_fails_and_says_what_to_look_at(link: str) -> None:
    polled = hub(
        "modbus", "poll", "--link", link, "--profile", "compere_kpm33b", "--unit", "2", "--group", "fast", "--json"
    )
    rows = [json.loads(line) for line in polled.stdout.splitlines()]
    assert (polled.returncode, {row["quality"] for row in rows}, {row["value"] for row in rows}) == (
        1,
        {"bad"},
        {None},
    )
    assert "check its power, wiring, unit number and line settings" in rows[0]["detail"]


def test_a_profile_check_says_where_and_exits_with_an_error(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("profile: mine\nvendor: 1\n", encoding="utf-8")
    checked = hub("modbus", "profile", "check", file)
    assert checked.returncode == 1
    assert "mine.yaml:2:9: profile at vendor: expected a text, got 1; put it in quotes" in (
        checked.stdout + checked.stderr
    )


def test_a_plan_shows_the_reads_and_what_they_cost() -> None:
    planned = hub("modbus", "plan", "--profile", "compere_kpm33b")
    lines = planned.stdout.splitlines()
    assert planned.returncode == 0
    assert "normal  FC 03 0x0030 x  52  25 values" in lines
    assert "fast    87.0 ms on the wire" in lines
