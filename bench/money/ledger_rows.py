"""What one entry of the ledger consists of, the same for the hub and for plain sqlite3."""

from __future__ import annotations

from typing import NamedTuple

META: dict[str, str | int] = {"component": "energy", "band": "peak", "period": "2026-11", "read": 123_456}


class Charge(NamedTuple):
    """The words and figures of one hour's charge."""

    kind: str
    key: str
    effective_us: int
    account: str
    amount_minor: int
    used_wh: int
    ref: str


def charge(client: int, number: int) -> Charge:
    """One client's charge of some hour."""
    return Charge(
        "energy",
        f"chg:shop_{client}:energy:2026-11:{number}",
        1_790_000_000_000_000 + number * 3_600_000_000,
        f"liability:tenant:shop_{client}:prepaid",
        1_000 + number,
        1_500 + number,
        f"read:{number}",
    )
