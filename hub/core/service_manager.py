"""Tells systemd how the hub is, by the protocol of `sd_notify`; silent where nobody listens."""

from __future__ import annotations

import os
import socket


class ServiceManager:
    """The notification socket that the service manager named in the environment, if it did."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        """Read the address and the watchdog interval from the environment."""
        environment = dict(os.environ) if environment is None else environment
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        watchdog_us = environment.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(watchdog_us) / 1e6 if watchdog_us.isdecimal() else None
        """Within how many seconds `alive` must come again; None when nobody waits for it."""

    def ready(self, status: str) -> None:
        """The start is done."""
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """One line that `systemctl status` shows."""
        self._send(f"STATUS={status}")

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
            try:
                notify.sendto(message.encode(), self._address)
            except OSError:
                return  # a manager that went away is no reason to stop
