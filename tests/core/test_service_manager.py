"""What the service manager is told, over a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.core.service_manager import ServiceManager

pytestmark = pytest.mark.real_time


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def test_each_message_is_one_datagram_of_the_protocol(manager: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": manager.getsockname()})
    service.ready("site: 3 plugins")
    service.status("busy\nREADY=0")
    service.alive()
    service.stopping()
    heard = [manager.recv(1000) for _ in range(4)]
    assert heard == [b"READY=1\nSTATUS=site: 3 plugins", b"STATUS=busy READY=0", b"WATCHDOG=1", b"STOPPING=1"]


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = f"hub-test-{os.getpid()}"
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).alive()
        assert listening.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("case", "environment", "expected_s"),
    [
        ("30 seconds", {"WATCHDOG_USEC": "30000000"}, 30.0),
        ("for this process", {"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}, 2.0),
        ("for another process", {"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, None),
        ("switched off", {"WATCHDOG_USEC": "0"}, None),
        ("nonsense", {"WATCHDOG_USEC": "-5"}, None),
        ("nobody watches", {}, None),
    ],
)
def test_the_watchdog_interval(case: str, environment: dict[str, str], expected_s: float | None) -> None:
    assert ServiceManager(environment).watchdog_s == expected_s


def test_without_a_manager_everything_is_silent(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}):
        service = ServiceManager(environment)
        service.ready("x")
        service.alive()
        service.stopping()
    assert list(tmp_path.iterdir()) == []


def test_a_manager_that_does_not_read_holds_nobody_up(manager: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": manager.getsockname()})
    for _ in range(2000):  # far more than its queue holds
        service.alive()
    assert manager.recv(100) == b"WATCHDOG=1"
