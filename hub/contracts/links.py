"""Links to the wire: what the field layer opens by URL, and what a simulation provides in place of hardware.

The field layer opens the schemes of real buses by itself; any other scheme it asks of `LINKS`, so that a simulated
bus is reached by the same code, at the port, without sockets.
"""

from __future__ import annotations

from typing import Protocol

from hub.core.errors import HubError
from hub.core.services import ServiceKey


class LinkFailed(HubError):
    """No usable answer: silence, a damaged frame, or a reply to something else. Nothing is known by it."""


class Link(Protocol):
    """One master's access to one bus; one request at a time, in the order in which they are made."""

    async def read_registers(self, unit: int, address: int, count: int) -> tuple[int, ...]:
        """Holding registers (function 03); raises `LinkFailed`, never returns fewer words than asked."""

    async def read_coils(self, unit: int, address: int, count: int) -> int:
        """Coils (function 01) as the bits of a number, the first coil lowest; raises `LinkFailed`."""

    async def write_coil(self, unit: int, address: int, is_on: bool) -> None:
        """One coil (function 05); `LinkFailed` means that nobody knows whether it was obeyed."""

    async def close(self) -> None:
        """Let go of the bus."""


class Links(Protocol):
    """Opens links of further URL schemes."""

    def open(self, url: str) -> Link:
        """The link behind a URL; raises `NotFound` for one that is not known."""


LINKS: ServiceKey[Links] = ServiceKey("links.links")
