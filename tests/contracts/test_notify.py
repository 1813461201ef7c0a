"""Notices: once per episode, whatever the channel does; and what a channel can do wrong."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from contract_stage import Stage, play

from hub.contracts.notify import (
    Channel,
    DeliveryState,
    Notice,
    NoticeDelivered,
    NoticeFailed,
    NoticeId,
    Notifier,
    Recipient,
    RecipientKind,
)
from hub.core.durable import KeyReused
from hub.core.errors import NotFound
from hub.testing.fakes import ChannelFaults, FakeChannel, FakeFailed, FakeNotifier

EXPIRES_US = 1_900_000_000_000_000
LOW = Notice(
    recipient=Recipient(RecipientKind.ACCOUNT, "anna"), template="balance_low", episode="7",
    variables={"balance": Decimal("49.20")}, expires_us=EXPIRES_US,
)  # fmt: skip


async def make(stage: Stage, channel: FakeChannel | None = None) -> FakeNotifier:
    fake = FakeNotifier(stage.db, stage.clock, None, stage.events.append)
    await fake.open()
    if channel is not None:
        as_contract: Channel = channel
        fake.add_channel(as_contract)
    return fake


async def enqueue(stage: Stage, notifier: Notifier, notice: Notice = LOW) -> NoticeId:
    return await stage.db.write(lambda tx: notifier.enqueue(tx, notice))


def test_the_same_episode_is_said_once_and_a_new_one_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        channel = FakeChannel(stage.clock)
        fake = await make(stage, channel)
        first = await enqueue(stage, fake)
        assert await enqueue(stage, fake) == first
        with pytest.raises(KeyReused, match=r"'account/anna/balance_low/7' was enqueued with other content"):
            await enqueue(stage, fake, replace(LOW, variables={"balance": Decimal("1.00")}))
        assert await enqueue(stage, fake, replace(LOW, episode="8")) != first
        await fake.deliver()
        assert await fake.deliver() == 0
        assert [message.variables for message in channel.inbox] == [{"balance": Decimal("49.20")}] * 2

    play(tmp_path, scene)


def test_nothing_is_said_for_a_transaction_that_failed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        channel = FakeChannel(stage.clock)
        fake = await make(stage, channel)

        def enqueue_and_fail(tx: object) -> None:
            fake.enqueue(tx, LOW)  # type: ignore[arg-type]
            raise RuntimeError("no")

        with pytest.raises(RuntimeError, match="no"):
            await stage.db.write(enqueue_and_fail)
        assert await fake.deliver() == 0
        assert channel.inbox == []

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("faults", "state", "rounds", "arrived"),
    [
        pytest.param(ChannelFaults(), DeliveryState.ACCEPTED, 1, 1, id="it works"),
        pytest.param(ChannelFaults(fail_next=2), DeliveryState.ACCEPTED, 3, 1, id="fails twice, then works"),
        pytest.param(ChannelFaults(absent=True), DeliveryState.QUEUED, 3, 0, id="never there: it goes on waiting"),
        pytest.param(
            ChannelFaults(fail_next=1, is_permanent=True), DeliveryState.FAILED, 3, 0, id="a wrong address"
        ),
        pytest.param(ChannelFaults(lose_answer_next=1), DeliveryState.UNKNOWN, 1, 1, id="arrived, the answer lost"),
        pytest.param(
            ChannelFaults(lose_answer_next=1), DeliveryState.ACCEPTED, 2, 1, id="tried again with the same key"
        ),
        pytest.param(ChannelFaults(duplicate_next=1), DeliveryState.ACCEPTED, 1, 2, id="the platform doubles it"),
    ],
)
def test_a_channel_can_go_wrong_in_many_ways(
    tmp_path: Path, faults: ChannelFaults, state: DeliveryState, rounds: int, arrived: int
) -> None:
    async def scene(stage: Stage) -> None:
        channel = FakeChannel(stage.clock, replace(faults))
        fake = await make(stage, channel)
        notice = await enqueue(stage, fake)
        for _ in range(rounds):
            await fake.deliver()
        assert (await fake.status(notice)).state is state
        assert len(channel.inbox) == arrived
        told = [type(event) for event in stage.events]
        by_state = {DeliveryState.ACCEPTED: [NoticeDelivered], DeliveryState.FAILED: [NoticeFailed]}
        assert told == by_state.get(state, [])

    play(tmp_path, scene)


def test_a_channel_that_reports_is_believed_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage, FakeChannel(stage.clock, ChannelFaults(delay_s=3), reports_delivery=True))
        notice = await enqueue(stage, fake)
        began_s = stage.clock.monotonic()
        await fake.deliver()
        assert stage.clock.monotonic() - began_s == 3
        assert (await fake.status(notice)).state is DeliveryState.ACCEPTED
        assert stage.events == []

        async def report(message_id: str, state: DeliveryState) -> None:
            await stage.db.write(lambda tx: fake.report(tx, "fake_sms", message_id, state))

        for state in (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.DELIVERED):
            await report("fake_sms-1", state)
        await report("unheard of", DeliveryState.DELIVERED)
        status = await fake.status(notice)
        assert (status.state, status.leaves_machine) == (DeliveryState.DELIVERED, True)
        assert [(event.key, event.leaves_machine) for event in stage.of(NoticeDelivered)] == [("anna", True)]

    play(tmp_path, scene)


def test_a_stale_notice_is_not_said(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        channel = FakeChannel(stage.clock, leaves_machine=False)
        fake = await make(stage, channel)
        notice = await enqueue(stage, fake, replace(LOW, expires_us=stage.after_us(60)))
        await stage.clock.sleep(60)
        await fake.deliver()
        assert (await fake.status(notice)).state is DeliveryState.EXPIRED
        assert channel.inbox == []
        assert [event.detail for event in stage.of(NoticeFailed)] == ["expired before it could be delivered"]

    play(tmp_path, scene)


def test_an_unknown_notice_and_a_failing_notifier_are_errors(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        assert await fake.deliver() == 0, "no channel"
        with pytest.raises(NotFound, match="no notice '99'"):
            await fake.status(NoticeId("99"))
        fake.faults.fail_next = 1
        with pytest.raises(FakeFailed, match="notify fails"):
            await fake.status(NoticeId("99"))

    play(tmp_path, scene)
