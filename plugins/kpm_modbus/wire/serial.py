"""A serial port on Linux, by termios and the loop's reader: no thread, and no library for what is one page."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from dataclasses import dataclass

from plugins.kpm_modbus.wire.ports import Listener, OpenPort, Port

BAUD_RATES = {
    rate: int(getattr(termios, f"B{rate}"))
    for rate in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)
}
PARITIES = {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}
_READ_BYTES_MAX = 4096

# struct serial_struct, and its flag to pass bytes on at once: FTDI's latency timer goes from 16 to 1 ms.
_TIOCGSERIAL, _TIOCSSERIAL = 0x541E, 0x541F
_SERIAL_STRUCT_BYTES = 72
_FLAGS_AT = 16
_LOW_LATENCY = 1 << 13


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How characters look on the line: 8 data bits always."""

    baud: int
    parity: str
    stop_bits: int

    @property
    def bits_per_character(self) -> int:
        """With start bit, parity bit and stop bits."""
        return 9 + (self.parity != "N") + self.stop_bits


class SerialPort:
    """One open serial port, ours alone."""

    def __init__(self, device: str, settings: SerialSettings, listener: Listener) -> None:
        """Open and lock it; raises OSError."""
        self._listener: Listener | None = listener
        self._loop = asyncio.get_running_loop()
        self._file = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _make_ours(self._file, device)
            _set_up(self._file, device, settings)
            self._loop.add_reader(self._file, self._readable)
        except BaseException:
            os.close(self._file)
            raise

    def write(self, data: bytes) -> None:
        """Send bytes; the driver's buffer holds many requests, and one is out at a time."""
        if self._listener is None:
            raise OSError("the port is closed")
        sent = os.write(self._file, data)
        if sent != len(data):
            raise OSError(f"the driver took {sent} of {len(data)} bytes: it does not send")

    def close(self) -> None:
        """Let go of the port."""
        if self._listener is None:
            return
        self._listener = None
        self._loop.remove_reader(self._file)
        os.close(self._file)

    def _readable(self) -> None:
        listener = self._listener
        if listener is None:
            return
        try:
            data = os.read(self._file, _READ_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError as error:
            why = os.strerror(error.errno or 0)
        else:
            if data:
                listener.received(data)
                return
            why = "the port hung up"
        self.close()
        listener.lost(why)


def _make_ours(file: int, device: str) -> None:
    """Keep other programs off: by lock for those that ask, by TIOCEXCL for those that do not."""
    if not os.isatty(file):
        raise OSError(f"{device} is no serial port")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(f"{device} is in use by another program; a bus has one master") from None
    fcntl.ioctl(file, termios.TIOCEXCL)


def _set_up(file: int, device: str, settings: SerialSettings) -> None:
    """Raw bytes, no flow control, the line's format, and as little delay as the driver allows."""
    speed = BAUD_RATES[settings.baud]
    control = termios.CS8 | termios.CREAD | termios.CLOCAL | PARITIES[settings.parity]
    if settings.stop_bits == 2:
        control |= termios.CSTOPB
    try:
        characters = termios.tcgetattr(file)[6]
        characters[termios.VMIN], characters[termios.VTIME] = 1, 0
        # A wrong parity bit reaches us as a byte, and fails the checksum.
        termios.tcsetattr(file, termios.TCSANOW, [0, 0, control, 0, speed, speed, characters])
        termios.tcflush(file, termios.TCIOFLUSH)
    except termios.error as error:
        raise OSError(f"{device} does not take {settings}: {error.args[-1]}") from None
    _lower_latency(file)


def _lower_latency(file: int) -> None:
    """Best effort: many drivers know nothing of it, and some allow it to nobody but root."""
    held = bytearray(_SERIAL_STRUCT_BYTES)
    try:
        fcntl.ioctl(file, _TIOCGSERIAL, held)
        (flags,) = struct.unpack_from("i", held, _FLAGS_AT)
        struct.pack_into("i", held, _FLAGS_AT, flags | _LOW_LATENCY)
        fcntl.ioctl(file, _TIOCSSERIAL, held)
    except OSError:
        return


def serial_opener(device: str, settings: SerialSettings) -> OpenPort:
    """Opens a serial port; the device may be gone and come back."""

    async def open_port(listener: Listener) -> Port:
        return SerialPort(device, settings, listener)

    return open_port
