"""The same payments told by many at once, in any order: each is credited once, and everybody hears so."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path

import pytest

from hub.contracts.ids import AccountId
from hub.contracts.metering import READINGS
from hub.contracts.relays import RELAYS
from hub.contracts.topups import TOPUPS, SettledAs, Settlement, ToppedUp, Via
from hub.contracts.units import MinorUnits
from hub.core.clock import SystemClock
from hub.core.ids import SeededIds
from hub.core.storage import Reader
from hub.sim import VirtualLoop
from hub.testing.fakes import FakeReadings, FakeRelays
from hub.testing.harness import start_hub
from plugins.prepaid.journal import verify
from plugins.prepaid.plugin import PrepaidPlugin

KEYS = {"quick": 300, "ci": 1_000, "full": 10_000}[os.environ.get("HUB_SUITE", "quick")]
TASKS = 20
ACCOUNTS = ("noodles", "bakery", "shoes")
PLACES = [{"point": f"stall_{name}", "account": name, "tariff": "flat"} for name in ACCOUNTS]


def settlement(number: int, teller: int) -> Settlement:
    """One payment, as one of many tells it: by callback, query and bill."""
    return Settlement(
        provider="wechat", transaction_id=f"t{number}", order_id=f"o{number}",
        account=AccountId(ACCOUNTS[number % len(ACCOUNTS)]), amount_minor=MinorUnits(1 + number), currency="CNY",
        paid_us=0, via=(Via.CALLBACK, Via.QUERY, Via.BILL)[teller % 3],
    )  # fmt: skip


def payments(reader: Reader) -> tuple[int, int, int]:
    """Payments, entries of them, and what those add up to."""
    row = reader.one(
        "SELECT (SELECT count(*) FROM prepaid__payments WHERE state = 'credited'), count(*), -sum(amount_minor)"
        " FROM prepaid__journal JOIN prepaid__postings ON entry = seq"
        " WHERE kind = 'topup' AND account GLOB 'liability:tenant:*'"
    )
    assert row is not None
    return row[0], row[1], row[2]


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_twenty_who_tell_the_same_payments_credit_each_once(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    hub = await start_hub(tmp_path, runs_writes_twice=False)
    hub.provide(READINGS, FakeReadings(hub.clock))
    hub.provide(RELAYS, FakeRelays(hub.clock))
    await hub.load_plugin(PrepaidPlugin, {"opening": {"places": PLACES}})
    topups, told = hub.kernel.services.get(TOPUPS), hub.capture(ToppedUp)
    answers: dict[int, Counter[SettledAs]] = {number: Counter() for number in range(KEYS)}

    async def tell(teller: int) -> None:
        order = list(range(KEYS))
        SeededIds(teller).random.shuffle(order)
        for number in order:
            settled = await hub.kernel.db.write(
                lambda tx, number=number: topups.settle(tx, settlement(number, teller)),  # type: ignore[misc]
                owner="test",
            )
            answers[number][settled.outcome] += 1

    await asyncio.gather(*(tell(teller) for teller in range(TASKS)))
    once = Counter({SettledAs.CREDITED: 1, SettledAs.ALREADY: TASKS - 1})
    assert [number for number, heard in answers.items() if heard != once] == []
    total = KEYS * (KEYS + 1) // 2
    assert await hub.kernel.db.read(payments, owner="prepaid") == (KEYS, KEYS, total)
    assert sorted(event.amount_minor for event in told) == list(range(1, KEYS + 1))
    report = await hub.kernel.db.read(lambda reader: verify(reader, SystemClock()), owner="prepaid")
    assert report.findings == []
    assert (
        await hub.kernel.db.read(
            lambda reader: reader.value("SELECT count(*) FROM prepaid__attempts"), owner="prepaid"
        )
        == KEYS * TASKS
    )
    await hub.hub.stop()
