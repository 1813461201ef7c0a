"""Typed ids, so that a meter cannot be passed where a point is meant. All of them are slugs: see `naming`."""

from __future__ import annotations

from typing import NewType

PointId = NewType("PointId", str)
"""A supply point: a circuit with a meter and usually a relay. It names the relay too: a point has at most one."""

MeterId = NewType("MeterId", str)
"""A meter's place on a bus. The instrument in that place is known by its serial number, and may be replaced."""

RegisterId = NewType("RegisterId", str)
"""A register of a point, such as `energy_import`, or `energy_import_peak` on a meter with band registers."""

BusId = NewType("BusId", str)
"""A physical bus or gateway channel."""

AccountId = NewType("AccountId", str)
"""Where prepaid money is."""

TenantId = NewType("TenantId", str)
"""A person or company that holds contracts."""

ContractId = NewType("ContractId", str)
"""A tenant's (or the landlord's) hold on a supply point from a date to a date."""

Fence = NewType("Fence", int)
"""A point's running number of decisions, from 1: the `intent_seq` of supply. A lower one is never obeyed again."""
