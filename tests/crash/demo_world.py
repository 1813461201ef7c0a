"""The demo site with all of its plugins, in virtual time: money, rules and a relay, on a real file that is killed.

Virtual time makes a minute of the site pass in a moment. The process, the file and the deaths are real.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from records import Records

from hub.core.hub import Hub
from hub.core.ids import SystemIds
from hub.core.plugins import discover
from hub.core.site import load_site
from hub.sim import DEFAULT_EPOCH, VirtualClock, VirtualLoop, advance, run_virtual
from hub.sim.demo import copy_site

NAME = "demo"
ROOTS = ("hub", "plugins")
FIRST_WH = 1234567
RELAY, ACCOUNT = "binary_sensor.stall_07_relay", "noodle_house"


def hits_max(point: str) -> int:
    """Up to which passage of a point a death is interesting."""
    return 2


def prepare(folder: Path, number: int) -> None:
    """A site whose meter stands a little further than when the hub last read it."""
    copy_site(folder)
    last_wh = FIRST_WH
    with closing(_file(folder)) as file:
        if _is_set_up(file):
            row = file.execute("SELECT max(raw) FROM prepaid__reads").fetchone()
            last_wh = max(last_wh, row[0] or 0)
    config = folder / "hub.yaml"
    text = config.read_text()
    assert f"energy_wh: {FIRST_WH}" in text
    config.write_text(text.replace(f"energy_wh: {FIRST_WH}", f"energy_wh: {last_wh + 10}"))


def live(folder: Path, number: int, *, is_last: bool) -> None:
    """One life: pay again what was not acknowledged, pay a little, use it up, trip, pay, restore."""
    records = Records(folder)
    for text in violations(folder, records):
        records.violation(f"life {number}: {text}")
    run_virtual(lambda loop: _live(loop, folder, number, records))
    if is_last:
        for text in violations(folder, records):
            records.violation(f"at the end: {text}")


async def _live(loop: VirtualLoop, folder: Path, number: int, records: Records) -> None:
    clock = VirtualClock(loop, DEFAULT_EPOCH + timedelta(hours=number))
    hub = Hub(load_site(folder), clock, SystemIds(), found=list(discover().found.values()))
    await hub.start()

    async def pay(receipt: str) -> None:
        answer = await hub.kernel.actions.call(
            "topup.cash",
            {"account": ACCOUNT, "amount": Decimal(records.asked[receipt]["amount"]), "receipt": receipt},
            key=receipt,
        )
        records.answer(receipt, {"amount": answer["amount"]} if "amount" in answer else str(answer["outcome"]))

    for receipt in set(records.asked) - set(records.answered):
        await pay(receipt)
    for turn in range(3):
        for amount, seconds in (("0.01", 6), ("0.10", 8)):
            receipt = f"r{number}-{turn}-{amount}"
            records.ask(receipt, "payment", amount=amount)
            await pay(receipt)
            await advance(loop, seconds)
    receipt = f"r{number}-last"
    records.ask(receipt, "payment", amount="0.50")
    await pay(receipt)
    await advance(loop, 5)
    state = hub.kernel.states.get(RELAY)
    if state is None or state.value is not True:
        records.violation(f"life {number}: paid, and the relay is {state and state.value}")
    await hub.stop()


def violations(folder: Path, records: Records) -> Iterator[str]:
    """Every broken promise that the file shows."""
    with closing(_file(folder)) as file:
        if not _is_set_up(file):
            if records.answered:
                yield "payments were acknowledged, and the tables are gone"
            return
        yield from _broken(file)
        paid = [row[0] for row in file.execute("SELECT transaction_id FROM prepaid__payments")]
        lost = sorted(set(records.answered) - set(paid))
        if lost:
            yield f"payments acknowledged and lost: {lost[:3]}"


def _file(folder: Path) -> sqlite3.Connection:
    path = folder / "data" / "hub.db"
    if not path.exists() or path.stat().st_size == 0:
        return sqlite3.connect(":memory:")
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)


def _is_set_up(file: sqlite3.Connection) -> bool:
    return file.execute("SELECT 1 FROM sqlite_schema WHERE name = 'prepaid__intents'").fetchone() is not None


def _broken(file: sqlite3.Connection) -> Iterator[str]:
    for text, sql in CHECKS.items():
        row = file.execute(sql).fetchone()
        if row is not None:
            yield f"{text}: {row[0]}"


CHECKS = {
    "the file is damaged": "SELECT 1 FROM pragma_quick_check WHERE quick_check <> 'ok'",
    "the change sequence has gaps": """
        SELECT 1 FROM core__sequence WHERE change_seq <> (SELECT count(*) FROM core__changes)""",
    "an entry does not sum to zero": """
        SELECT entry FROM prepaid__postings GROUP BY entry HAVING sum(amount_minor) <> 0""",
    "an entry without postings": """
        SELECT seq FROM prepaid__journal WHERE seq NOT IN (SELECT entry FROM prepaid__postings)""",
    "payments and their entries differ": """
        SELECT 1 WHERE (SELECT count(*) FROM prepaid__payments)
        <> (SELECT count(*) FROM prepaid__journal WHERE kind = 'topup')""",
    "what was charged is not what was posted": """
        SELECT 1 WHERE (SELECT coalesce(sum(value), 0) FROM prepaid__periods, json_each(posted)) <> (
          SELECT coalesce(sum(amount_minor), 0) FROM prepaid__postings JOIN prepaid__journal ON seq = entry
          WHERE kind = 'charge' AND amount_minor > 0)""",
    "what was charged is not what the reads say": """
        SELECT 1 WHERE (SELECT coalesce(sum(value), 0) FROM prepaid__periods, json_each(posted)) <>
          round((SELECT coalesce(sum(most - least), 0) FROM (SELECT max(total_wh) most, min(total_wh) least
          FROM prepaid__reads GROUP BY epoch)) * 0.2 + 0.0)""",
    "a balance is not the sum of its postings": """
        SELECT account FROM prepaid__balances b WHERE amount_minor <>
          (SELECT sum(amount_minor) FROM prepaid__postings p WHERE p.account = b.account)""",
    "an intent is missing": """
        SELECT point FROM prepaid__intents GROUP BY point HAVING max(seq) <> count(*)""",
    "the newest intent is not what the reasons say": """
        SELECT point FROM prepaid__intents i
        WHERE seq = (SELECT max(seq) FROM prepaid__intents j WHERE j.point = i.point)
        AND (desired = 'open') <> EXISTS (SELECT 1 FROM prepaid__off_reasons o WHERE o.point = i.point)""",
}
"""Questions whose answer is no row while every promise holds."""
