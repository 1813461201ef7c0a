"""Which links the URLs mean, and what a bad one is told."""

from __future__ import annotations

import pytest

from hub.core.clock import SystemClock
from plugins.kpm_modbus.wire import BadLinkUrl, open_link


@pytest.mark.parametrize(
    ("url", "characters_per_s", "gap_s"),
    [
        ("serial:///dev/ttyUSB0", 9600 / 11, 3.5 * 11 / 9600),
        ("serial:///dev/ttyUSB0?baud=9600&parity=E&stop=1", 9600 / 11, 3.5 * 11 / 9600),
        ("serial:///dev/ttyUSB0?baud=19200&parity=n&stop=1", 19200 / 10, 3.5 * 10 / 19200),
        ("serial:///dev/ttyUSB0?parity=O&stop=2", 9600 / 12, 3.5 * 12 / 9600),
        ("tcp-rtu://gateway:8899?baud=115200", 115200 / 11, 0.00175),
        ("tcp-rtu://[::1]:8899", 9600 / 11, 3.5 * 11 / 9600),
    ],
)
def test_a_url_tells_the_timing_of_its_wire(url: str, characters_per_s: float, gap_s: float) -> None:
    timing = open_link(url, SystemClock()).timing
    assert 1 / timing.character_s == pytest.approx(characters_per_s)
    assert timing.gap_s == pytest.approx(gap_s)


@pytest.mark.parametrize("url", ["tcp://meter", "tcp://192.0.2.1:1502"])
def test_modbus_tcp_has_no_wire_to_speak_of(url: str) -> None:
    timing = open_link(url, SystemClock()).timing
    assert (timing.character_s, timing.gap_s) == (0, 0)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (
            "seriel:///dev/ttyUSB0",
            "unknown scheme 'seriel'; use one of serial, tcp-rtu, tcp. Did you mean 'serial'?",
        ),
        ("/dev/ttyUSB0", "unknown scheme ''; use one of serial, tcp-rtu, tcp"),
        ("serial://dev/ttyUSB0", "expected a device with its whole path, such as serial:///dev/ttyUSB0?baud=9600"),
        ("serial:///", "expected a device with its whole path"),
        ("serial:///dev/ttyUSB0?baud=9601", "baud=9601 is not possible; use one of 1200, 2400, 4800, 9600"),
        ("serial:///dev/ttyUSB0?parity=X", "parity=X is not possible; use one of N, E, O"),
        ("serial:///dev/ttyUSB0?stop=3", "stop=3 is not possible; use one of 1, 2"),
        (
            "serial:///dev/ttyUSB0?buad=9600",
            "unknown option 'buad'; it takes baud, parity, stop, slave_gap_ms. Did",
        ),
        ("serial:///dev/ttyUSB0?baud", "bad query field: 'baud'"),
        ("serial:///dev/ttyUSB0?slave_gap_ms=-1", "slave_gap_ms=-1 is not possible; use 0 to 1000"),
        ("tcp-rtu://gateway", "expected a host and port, such as tcp-rtu://192.0.2.10:8899"),
        ("tcp-rtu://:502", "expected a host and port"),
        ("tcp://meter:99999", "Port out of range"),
        ("tcp://meter/path", "expected a host and port"),
        ("tcp://meter?baud=9600", "unknown option 'baud'; tcp:// takes none"),
    ],
)
def test_a_bad_url_is_refused_with_what_to_write(url: str, text: str) -> None:
    with pytest.raises(BadLinkUrl) as caught:
        open_link(url, SystemClock())
    assert str(caught.value).startswith(f"link {url!r}: ")
    assert text in str(caught.value)
