"""Which link a URL means."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, urlsplit

from hub.contracts.links import WireTiming
from hub.core.clock import Clock
from hub.core.config.suggest import did_you_mean
from hub.core.errors import HubError
from plugins.kpm_modbus.wire.link import WireLink
from plugins.kpm_modbus.wire.mbap_link import MbapLink
from plugins.kpm_modbus.wire.rtu_link import SLAVE_GAP_S, RtuLink
from plugins.kpm_modbus.wire.serial import BAUD_RATES, PARITIES, SerialSettings, serial_opener
from plugins.kpm_modbus.wire.tcp import tcp_opener

SCHEMES = ("serial", "tcp-rtu", "tcp")
MODBUS_TCP_PORT = 502
_EXAMPLES = {
    "serial": "serial:///dev/ttyUSB0?baud=9600&parity=E&stop=1",
    "tcp-rtu": "tcp-rtu://192.0.2.10:8899?baud=9600&parity=E&stop=1",
    "tcp": "tcp://192.0.2.10:502",
}
_LINE_OPTIONS = {"baud": "9600", "parity": "E", "stop": "1", "slave_gap_ms": f"{SLAVE_GAP_S * 1000:g}"}
_SLAVE_GAP_MS_MAX = 1000


class BadLinkUrl(HubError):
    """A link's URL that cannot be understood."""


def open_link(url: str, clock: Clock) -> WireLink:
    """The link behind `serial://`, `tcp-rtu://` or `tcp://`; it is opened at the first request.

    The line's options (baud, parity, stop, slave_gap_ms) hold for a serial port, and tell the timing of the bus
    behind a transparent gateway. They begin as Modbus does: 9600 baud, even parity, 1 stop bit.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES:
            hint = did_you_mean(parts.scheme, SCHEMES)
            raise BadLinkUrl(f"unknown scheme {parts.scheme!r}; use one of {', '.join(SCHEMES)}.{hint}")
        if parts.scheme == "tcp":
            _options(parts, {})
            return MbapLink(url, clock, tcp_opener(*_address(parts, MODBUS_TCP_PORT)))
        return _rtu_link(url, clock, parts)
    except (BadLinkUrl, ValueError) as error:
        raise BadLinkUrl(f"link {url!r}: {error}") from None


def _rtu_link(url: str, clock: Clock, parts: SplitResult) -> RtuLink:
    options = _options(parts, _LINE_OPTIONS)
    settings = SerialSettings(
        baud=int(_one_of("baud", options["baud"], [str(rate) for rate in BAUD_RATES])),
        parity=_one_of("parity", options["parity"].upper(), PARITIES),
        stop_bits=int(_one_of("stop", options["stop"], ["1", "2"])),
    )
    if parts.scheme == "serial":
        if parts.netloc or not parts.path.strip("/"):
            raise BadLinkUrl(f"expected a device with its whole path, such as {_EXAMPLES['serial']}")
        open_port = serial_opener(parts.path, settings)
    else:
        open_port = tcp_opener(*_address(parts, None))
    return RtuLink(
        url,
        clock,
        open_port,
        WireTiming.of(settings.baud, settings.bits_per_character),
        slave_gap_s=_slave_gap_s(options["slave_gap_ms"]),
        drops_when_silent=parts.scheme == "tcp-rtu",
    )


def _options(parts: SplitResult, known: dict[str, str]) -> dict[str, str]:
    """The options of a URL over those that are known."""
    options = dict(known)
    for name, value in parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)):
        if name not in known:
            may = f"it takes {', '.join(known)}" if known else f"{parts.scheme}:// takes none"
            raise BadLinkUrl(f"unknown option {name!r}; {may}.{did_you_mean(name, known)}")
        options[name] = value
    return options


def _one_of(name: str, value: str, known: list[str] | dict[str, int]) -> str:
    if value not in known:
        raise BadLinkUrl(f"{name}={value} is not possible; use one of {', '.join(known)}")
    return value


def _slave_gap_s(text: str) -> float:
    if not text.isdecimal() or int(text) > _SLAVE_GAP_MS_MAX:
        raise BadLinkUrl(f"slave_gap_ms={text} is not possible; use 0 to {_SLAVE_GAP_MS_MAX}")
    return int(text) / 1000


def _address(parts: SplitResult, default_port: int | None) -> tuple[str, int]:
    port = parts.port or default_port
    if not parts.hostname or port is None or parts.path.strip("/") or parts.username is not None:
        raise BadLinkUrl(f"expected a host and port, such as {_EXAMPLES[parts.scheme]}")
    return parts.hostname, port
