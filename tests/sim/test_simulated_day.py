"""A simulated day does all the work of a real one: no layer is skipped, whatever makes it fast."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bench.ours.simulation import LOAD_W, POLL_MIN, Counts, counted, simulated_site
from hub.core.storage import Reader
from hub.sim import VirtualLoop, run_virtual
from hub.testing.harness import HubHarness

METERS = 6
HOURS = 24
POLLS = METERS * HOURS * 60 // POLL_MIN
FRAMES_PER_POLL = 3
"""Energy and power, what is read with the normal group, and where the relay stands."""

Day = tuple[Counts, dict[str, int], dict[str, Decimal]]


async def _day_of(folder: Path) -> Day:
    """What was done in a day, the Wh in each epoch's accepted reads, and what each account was charged."""
    hub = await simulated_site(folder, METERS)
    before, charged_before = await counted(hub), await _charged(hub)
    await hub.advance(timedelta(hours=HOURS))
    done, charged = (await counted(hub)).since(before), await _charged(hub)
    used_wh = await hub.kernel.db.read(_used_wh, owner="prepaid")
    await hub.hub.stop()
    return done, used_wh, {account: minor - charged_before.get(account, 0) for account, minor in charged.items()}


async def _charged(hub: HubHarness) -> dict[str, Decimal]:
    rows = await hub.kernel.db.read(
        lambda reader: reader.all(
            "SELECT account, amount_minor FROM prepaid__balances WHERE account LIKE '%a%' AND amount_minor > 0"
        ),
        owner="prepaid",
    )
    return {row[0]: Decimal(row[1]) for row in rows}


def _used_wh(reader: Reader) -> dict[str, int]:
    rows = reader.all("SELECT epoch, max(total_wh) - min(total_wh) FROM prepaid__reads GROUP BY epoch")
    return {str(row[0]): row[1] for row in rows}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder = tmp_path_factory.mktemp("simulated_day")

    async def main(_: VirtualLoop) -> Day:
        return await _day_of(folder)

    return run_virtual(main)


def test_every_poll_and_every_hourly_proof_of_identity_goes_over_the_wire(day: Day) -> None:
    assert day[0].frames == POLLS * FRAMES_PER_POLL + METERS * HOURS
    assert day[0].good == day[0].frames


def test_each_hour_of_each_meter_is_one_accepted_read_and_one_entry(day: Day) -> None:
    assert (day[0].reads, day[0].postings) == (METERS * HOURS, METERS * HOURS)


def test_what_is_billed_is_what_flowed(day: Day) -> None:
    _, used_wh, charged = day
    assert list(used_wh.values()) == [LOAD_W * HOURS] * METERS
    assert list(charged.values()) == [Decimal(LOAD_W * HOURS) / 1000 * 80] * METERS
