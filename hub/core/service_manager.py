"""Tells systemd how the hub is, by the protocol of `sd_notify`; silent where nobody listens."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

EXTENSION_SPARE_S = 10.0
"""By how much the service manager waits longer than the hub, so that the hub can say itself what hangs."""


class ServiceManager:
    """The notification socket that the service manager named in the environment, if it did."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Read the address and the watchdog interval from the environment."""
        environment = os.environ if environment is None else environment
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_s = _watchdog_s(environment)
        """Within how many seconds `alive` must come again; None when nobody waits for it."""

    def ready(self, status: str) -> None:
        """The start is done."""
        self._send(f"READY=1\nSTATUS={_one_line(status)}")

    def status(self, status: str) -> None:
        """One line that `systemctl status` shows."""
        self._send(f"STATUS={_one_line(status)}")

    def allow(self, step: str, limit_s: float) -> None:
        """A step of the start or the stop begins that may take this long: do not end the hub before that."""
        extension_us = int((limit_s + EXTENSION_SPARE_S) * 1e6)
        self._send(f"EXTEND_TIMEOUT_USEC={extension_us}\nSTATUS={_one_line(step)}")

    def alive(self) -> None:
        """The loop still turns."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The stop has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.settimeout(0)  # a manager that does not read must not hold up the loop
            try:
                notify.sendto(message.encode(), self._address)
            except OSError:
                return  # a manager that went away is no reason to stop


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    interval_us = environment.get("WATCHDOG_USEC", "")
    meant_for = environment.get("WATCHDOG_PID", "")
    if not interval_us.isdecimal() or int(interval_us) == 0 or meant_for not in {"", str(os.getpid())}:
        return None
    return int(interval_us) / 1e6


def _one_line(text: str) -> str:
    """Each line of a message is a field of its own, so a status has one."""
    return " ".join(text.split())
