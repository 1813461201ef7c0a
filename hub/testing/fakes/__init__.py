"""An honest fake of every contract: it keeps the contract's rules, and can be slow, fail, lie or be absent.

Each takes a clock and a `Faults` of its own; change the faults' fields while a test runs. Those whose contract has
functions of a `tx` keep their rows in the database they are given, under an owner of their own: call `open` first.
"""

from hub.testing.fakes.faults import FakeAbsent, FakeFailed, Faults
from hub.testing.fakes.history import FakeHistory
from hub.testing.fakes.metering import FakeReadings
from hub.testing.fakes.notify import ChannelFaults, FakeChannel, FakeNotifier
from hub.testing.fakes.relays import FakeRelays, RelayFaults
from hub.testing.fakes.supply import FakeSupply, SupplyFaults
from hub.testing.fakes.topups import FakeProvider, FakeTopups

__all__ = [
    "ChannelFaults",
    "FakeAbsent",
    "FakeChannel",
    "FakeFailed",
    "FakeHistory",
    "FakeNotifier",
    "FakeProvider",
    "FakeReadings",
    "FakeRelays",
    "FakeSupply",
    "FakeTopups",
    "Faults",
    "RelayFaults",
    "SupplyFaults",
]
