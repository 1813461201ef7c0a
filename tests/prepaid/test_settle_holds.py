"""Money set aside, and the question whether a payment is on its way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from money_stage import ANNA, NOBODY, PAID, Till, at_the_till

from hub.contracts.axes import OffReason
from hub.contracts.ids import AccountId, PointId
from hub.contracts.relays import Desired
from hub.contracts.supply import IntentChanged
from hub.contracts.topups import AmountNotPositive, Outstanding, OutstandingState, TopupRefused, UnknownAccount
from hub.contracts.units import MinorUnits
from hub.core.durable import KeyReused
from hub.testing.fakes import FakeProvider, Faults


async def hold(till: Till, amount: int, key: str, seconds: int = 60, account: AccountId = ANNA) -> None:
    until_us = till.harness.clock.now_us() + seconds * 1_000_000
    await till.write(lambda tx: till.topups.hold(tx, account, MinorUnits(amount), key, until_us))


async def release(till: Till, key: str) -> None:
    await till.write(lambda tx: till.topups.release(tx, key))


def test_held_money_cannot_be_spent_until_it_is_released(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.settle(PAID)
        await hold(till, 8_000, "h1")
        await hold(till, 8_000, "h1")
        assert (await till.spendable(), await till.balance()) == (2_000, 10_000)
        with pytest.raises(KeyReused, match=r"hold 'h1' is for 80.00 CNY on anna"):
            await hold(till, 7_000, "h1")
        with pytest.raises(TopupRefused, match=r"anna has 20.00 CNY of its own; 20.01 CNY cannot be set aside"):
            await hold(till, 2_001, "h2")
        for _ in range(2):
            await release(till, "h1")
        assert await till.spendable() == 10_000
        await hold(till, 8_000, "h1")
        assert await till.spendable() == 10_000, "a key that has ended does not hold again"

    at_the_till(tmp_path, scene)


def test_credit_is_lent_and_cannot_be_set_aside(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        await till.open_account(ANNA, limit=50_000)
        with pytest.raises(TopupRefused, match=r"anna has 0.00 CNY of its own"):
            await hold(till, 1, "h1")
        with pytest.raises(AmountNotPositive):
            await hold(till, 0, "h2")
        with pytest.raises(UnknownAccount, match="no account 'nobody'"):
            await hold(till, 1, "h3", account=NOBODY)
        assert (await till.spendable(), await till.rows("holds")) == (50_000, [])

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize("restarts", [False, True])
def test_a_hold_that_expires_lifts_itself_and_brings_power_back(tmp_path: Path, restarts: bool) -> None:
    async def scene(till: Till) -> None:
        stall = PointId("stall")
        await till.supply.add_point(stall, ANNA, reconnect_minor=MinorUnits(5_000))
        await till.settle(PAID)
        await hold(till, 8_000, "h1", seconds=3_600)
        await till.supply.decide(stall, OffReason.CREDIT, is_off=True)
        intents = till.harness.capture(IntentChanged)
        if restarts:
            await till.harness.restart()
        await till.harness.advance("59 min")
        assert (await till.spendable(), intents) == (2_000, [])
        await till.harness.advance("2 min")
        assert await till.spendable() == 10_000
        assert [event.intent.desired for event in intents] == [Desired.CLOSED]
        assert await till.rows("holds", "ended") == [(1,)]

    at_the_till(tmp_path, scene)


class Stubborn:
    """A platform that ignores being cancelled."""

    name = "stubborn"

    def __init__(self, till: Till) -> None:
        self._clock = till.harness.clock

    async def outstanding(self, account: AccountId) -> Outstanding:
        try:
            await self._clock.sleep(3_600)
        except asyncio.CancelledError:
            await self._clock.sleep(60)
        return Outstanding(state=OutstandingState.NONE)


class Broken(Stubborn):
    """A platform whose plugin has a bug, or was cancelled itself."""

    def __init__(self, till: Till, name: str, error: BaseException) -> None:
        super().__init__(till)
        self.name = name
        self._error = error

    async def outstanding(self, account: AccountId) -> Outstanding:
        raise self._error


async def ask(till: Till, seconds: int = 5) -> Outstanding:
    return await till.topups.outstanding(ANNA, till.harness.clock.now_us() + seconds * 1_000_000)


def test_outstanding_is_none_only_when_every_platform_said_so_in_time(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        clock = till.harness.clock
        assert (await ask(till)).state is OutstandingState.NONE, "no platform"
        first, second = FakeProvider(clock, name="one"), FakeProvider(clock, Faults(absent=True), name="two")
        till.topups.add_provider(first)
        withdraw = till.topups.add_provider(second)
        assert (await ask(till)).state is OutstandingState.UNKNOWN
        first.open_until_us[ANNA] = clock.now_us() + 120_000_000
        assert (await ask(till)).state is OutstandingState.PENDING
        withdraw()
        withdraw()
        second.faults.absent, second.open_until_us[ANNA] = False, clock.now_us() + 300_000_000
        till.topups.add_provider(second)
        answer = await ask(till)
        assert (answer.state, answer.until_us) == (OutstandingState.PENDING, second.open_until_us[ANNA])
        await clock.sleep(301)
        assert (await ask(till)).state is OutstandingState.NONE
        first.faults.delay_s = 9
        late = await ask(till)
        assert (late.state, late.detail) == (OutstandingState.UNKNOWN, "one did not answer in time")

    at_the_till(tmp_path, scene)


def test_a_platform_that_hangs_fails_or_is_cancelled_keeps_nobody_waiting(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        clock = till.harness.clock
        for provider in (
            Stubborn(till), Broken(till, "buggy", RuntimeError("boom")),
            Broken(till, "gone", asyncio.CancelledError()),
        ):  # fmt: skip
            till.topups.add_provider(provider)  # type: ignore[arg-type]  # it is never asked for orders or bills
        began = clock.monotonic()
        answer = await ask(till)
        assert clock.monotonic() - began == pytest.approx(5)
        assert answer.state is OutstandingState.UNKNOWN
        for word in ("stubborn did not answer", "buggy failed: RuntimeError: boom", "gone"):
            assert word in answer.detail
        await clock.sleep(120)

    at_the_till(tmp_path, scene)


@pytest.mark.parametrize("name", ["cash", "bank", "batch", "fake_pay"])
def test_a_platform_needs_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    async def scene(till: Till) -> None:
        till.topups.add_provider(FakeProvider(till.harness.clock))
        with pytest.raises(ValueError, match=f"a provider '{name}' already"):
            till.topups.add_provider(FakeProvider(till.harness.clock, name=name))

    at_the_till(tmp_path, scene)
