"""Relays: who may move one, what is refused, and how a command can end."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from pathlib import Path

import pytest
from contract_stage import Stage, play

from hub.contracts.grants import CommissioningSession, mint_for_commissioning, mint_for_supply
from hub.contracts.ids import Fence, PointId
from hub.contracts.relays import (
    CommandFinished,
    CommandResult,
    Desired,
    Grant,
    GrantSource,
    Outcome,
    Position,
    Refusal,
    RelayObserved,
    Relays,
    RelayTraits,
)
from hub.contracts.supply import Intent
from hub.core.context import Context
from hub.core.errors import NotFound
from hub.testing.fakes import FakeRelays, RelayFaults
from hub.testing.fakes.relays import DIRECT

STALL = PointId("stall")
WHY = Context("c1", "rule:trip_at_zero")
OPEN, CLOSED = Desired.OPEN, Desired.CLOSED


def make(stage: Stage, faults: RelayFaults | None = None, traits: RelayTraits | None = None) -> FakeRelays:
    fake = FakeRelays(stage.clock, faults, stage.events.append)
    fake.add_relay(STALL, traits=traits or DIRECT)
    return fake


def grant(stage: Stage, desired: Desired, seq: int, lives_s: float = 20) -> Grant:
    intent = Intent(point=STALL, desired=desired, seq=Fence(seq), decided_us=stage.clock.now_us(), context=WHY)
    return mint_for_supply(intent, now_us=stage.clock.now_us(), expires_us=stage.after_us(lives_s))


async def command(stage: Stage, relays: Relays, desired: Desired, seq: int, within_s: float = 20) -> CommandResult:
    return await relays.ensure(STALL, desired, grant(stage, desired, seq), Fence(seq), stage.after_us(within_s))


def test_a_grant_comes_from_the_mint_only_and_cannot_be_changed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        good = grant(stage, OPEN, 1)
        assert (good.reference, good.context, good.source) == ("intent/1", WHY, GrantSource.SUPPLY)
        with pytest.raises(TypeError, match=r"minted by hub\.contracts\.grants"):
            Grant(
                point=STALL, desired=OPEN, fence=Fence(1), expires_us=1, source=GrantSource.SUPPLY,
                reference="forged", context=WHY, seal=object(),
            )  # fmt: skip
        with pytest.raises(ValueError, match="seal"):
            replace(good, desired=CLOSED)  # type: ignore[call-arg]
        assert copy.copy(good) == good

    play(tmp_path, scene)


def test_a_grant_to_open_lives_30_s_at_most_and_one_to_close_longer(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        grant(stage, OPEN, 1, lives_s=30)
        grant(stage, CLOSED, 1, lives_s=3600)
        with pytest.raises(ValueError, match="stall: a grant to open lives 30 s at most"):
            grant(stage, OPEN, 1, lives_s=30.1)
        with pytest.raises(ValueError, match="expires at once"):
            grant(stage, CLOSED, 1, lives_s=0)

    play(tmp_path, scene)


def test_a_trip_and_a_restore_are_confirmed_by_read_back_and_current(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        relays = make(stage)
        assert relays.observed(STALL).position is Position.UNKNOWN
        assert relays.observed(STALL).age_us(stage.clock.now_us()) is None
        opened = await command(stage, relays, OPEN, 1)
        assert (opened.outcome, opened.writes) == (Outcome.CONFIRMED, 1)
        assert opened.observed is not None
        assert opened.observed.evidence is not None
        assert opened.observed.evidence.current_ma == 0
        closed = await command(stage, relays, CLOSED, 2)
        assert closed.outcome is Outcome.CONFIRMED
        assert [event.observed.position for event in stage.of(RelayObserved)] == [Position.OPEN, Position.CLOSED]
        assert [event.result for event in stage.of(CommandFinished)] == [opened, closed] == relays.attempts
        assert {event.key for event in stage.of(CommandFinished)} == {STALL}
        await stage.clock.sleep(7)
        assert relays.observed(STALL).age_us(stage.clock.now_us()) == 7_000_000

    play(tmp_path, scene)


def test_a_relay_that_stands_as_desired_is_read_and_not_written(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        relays = make(stage)
        result = await command(stage, relays, CLOSED, 1)
        assert (result.outcome, result.writes, result.first_byte_us) == (Outcome.CONFIRMED, 0, None)

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("granted", "granted_seq", "asked", "asked_seq", "within_s", "why", "text"),
    [
        pytest.param(CLOSED, 5, OPEN, 5, 20, Refusal.GRANT_MISMATCH, "the grant is for", id="other position"),
        pytest.param(OPEN, 5, OPEN, 6, 20, Refusal.GRANT_MISMATCH, "under fence 5", id="other fence"),
        pytest.param(OPEN, 5, OPEN, 5, 0, Refusal.EXPIRED, "expired", id="deadline over"),
        pytest.param(OPEN, 5, OPEN, 5, 31, Refusal.DEADLINE_TOO_FAR, "30 s at most", id="open too far ahead"),
        pytest.param(OPEN, 2, OPEN, 2, 20, Refusal.FENCE_LOWER, "fence 2 is older than 3", id="lower fence"),
        pytest.param(OPEN, 3, OPEN, 3, 20, Refusal.FENCE_REUSED, "a new decision", id="same fence, other way"),
    ],
)
def test_a_command_without_right_is_refused_and_the_relay_untouched(
    tmp_path: Path, granted: Desired, granted_seq: int, asked: Desired, asked_seq: int, within_s: float,
    why: Refusal, text: str,
) -> None:  # fmt: skip
    async def scene(stage: Stage) -> None:
        relays = make(stage)
        await command(stage, relays, CLOSED, 3)
        minted = grant(stage, granted, granted_seq)
        result = await relays.ensure(STALL, asked, minted, Fence(asked_seq), stage.after_us(within_s))
        assert (result.outcome, result.refusal, result.writes) == (Outcome.REFUSED, why, 0)
        assert text in result.detail
        assert relays.contact(STALL) is Position.CLOSED
        assert relays.highest_fence(STALL) == 3

    play(tmp_path, scene)


def test_an_order_that_waited_past_its_deadline_is_never_obeyed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        relays = make(stage, RelayFaults(delay_s=21))
        result = await command(stage, relays, OPEN, 1)
        assert (result.outcome, result.refusal) == (Outcome.REFUSED, Refusal.EXPIRED)
        await stage.clock.sleep(60)
        assert relays.contact(STALL) is Position.CLOSED

    play(tmp_path, scene)


def test_a_newer_fence_takes_the_place_of_a_waiting_one(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        relays = make(stage, RelayFaults(delay_s=2))
        older = asyncio.create_task(command(stage, relays, OPEN, 1))
        await stage.clock.sleep(1)
        newer = await command(stage, relays, CLOSED, 2)
        assert (await older).refusal is Refusal.SUPERSEDED
        assert newer.outcome is Outcome.CONFIRMED
        assert relays.contact(STALL) is Position.CLOSED

    play(tmp_path, scene)


def test_asking_again_joins_the_command_under_way(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        relays = make(stage, RelayFaults(delay_s=2))
        first, second = await asyncio.gather(command(stage, relays, OPEN, 1), command(stage, relays, OPEN, 1))
        assert first is second
        assert len(relays.attempts) == 1

    play(tmp_path, scene)


def test_cancelling_withdraws_a_waiting_command_but_not_one_on_the_wire(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        relays = make(stage, RelayFaults(delay_s=2))
        for cancelled_after_s, ends_as in ((1.0, Position.CLOSED), (2.05, Position.OPEN)):
            task = asyncio.create_task(command(stage, relays, OPEN, 1))
            await stage.clock.sleep(cancelled_after_s)
            task.cancel()
            await stage.clock.sleep(5)
            assert relays.contact(STALL) is ends_as
        assert [result.outcome for result in relays.attempts] == [Outcome.CONFIRMED]

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("faults", "desired", "outcome", "contact", "seen"),
    [
        pytest.param(
            RelayFaults(absent=True), OPEN, Outcome.FAILED, Position.CLOSED, Position.CLOSED,
            id="an open to a silent meter: its identity did not answer, nothing was written",
        ),
        pytest.param(
            RelayFaults(absent=True), CLOSED, Outcome.UNKNOWN, Position.CLOSED, Position.UNKNOWN,
            id="a close to a silent meter is tried once, blindly",
        ),
        pytest.param(
            RelayFaults(lose_reply_next=1), OPEN, Outcome.UNKNOWN, Position.OPEN, Position.UNKNOWN,
            id="a lost reply is unknown, though the write arrived",
        ),
        pytest.param(
            RelayFaults(fail_next=1), OPEN, Outcome.FAILED, Position.CLOSED, Position.CLOSED,
            id="an exception reply",
        ),
        pytest.param(
            RelayFaults(is_stuck=True), OPEN, Outcome.UNCONFIRMED, Position.CLOSED, Position.CLOSED,
            id="a stuck contact",
        ),
        pytest.param(
            RelayFaults(lies=True), OPEN, Outcome.UNCONFIRMED, Position.CLOSED, Position.UNKNOWN,
            id="a status that lies is found out by the current",
        ),
    ],
)  # fmt: skip
def test_a_command_that_goes_wrong_says_how(
    tmp_path: Path, faults: RelayFaults, desired: Desired, outcome: Outcome, contact: Position, seen: Position
) -> None:
    async def scene(stage: Stage) -> None:
        relays = make(stage, faults)
        relays.look(STALL)
        result = await command(stage, relays, desired, 1)
        assert (result.outcome, relays.contact(STALL)) == (outcome, contact)
        assert relays.observed(STALL).position is seen
        assert "stall" in result.detail

    play(tmp_path, scene)


def test_a_meter_that_needs_its_button_ends_armed_and_that_is_confirmed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        traits = RelayTraits(needs_button=True, may_open_remotely=True, min_interval_us=0)
        relays = make(stage, traits=traits)
        assert relays.traits(STALL).needs_button
        await command(stage, relays, OPEN, 1)
        result = await command(stage, relays, CLOSED, 2)
        assert result.outcome is Outcome.CONFIRMED
        assert relays.observed(STALL).position is Position.ARMED
        relays.press_button(STALL)
        assert relays.look(STALL).position is Position.CLOSED

    play(tmp_path, scene)


def test_minimum_time_delays_an_open_and_never_a_close(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        traits = RelayTraits(needs_button=False, may_open_remotely=True, min_interval_us=60_000_000)
        relays = make(stage, traits=traits)
        assert (await command(stage, relays, OPEN, 1)).outcome is Outcome.CONFIRMED
        assert (await command(stage, relays, CLOSED, 2)).outcome is Outcome.CONFIRMED
        early = await command(stage, relays, OPEN, 3)
        assert early.refusal is Refusal.TOO_SOON
        assert early.not_before_us is not None
        await stage.clock.sleep((early.not_before_us - stage.clock.now_us()) / 1e6)
        assert (await command(stage, relays, OPEN, 3)).outcome is Outcome.CONFIRMED

    play(tmp_path, scene)


def test_a_target_that_must_not_be_commanded_is_refused(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        behind_itself = RelayTraits(needs_button=False, may_open_remotely=False, min_interval_us=0)
        relays = make(stage, traits=behind_itself)
        assert (await command(stage, relays, OPEN, 1)).refusal is Refusal.DENIED
        relays.quarantine(STALL)
        assert (await command(stage, relays, CLOSED, 2)).refusal is Refusal.QUARANTINED
        empty = FakeRelays(stage.clock)
        assert (await command(stage, empty, CLOSED, 1)).refusal is Refusal.NO_RELAY
        with pytest.raises(NotFound, match="point 'stall' has no relay; points with one: none"):
            empty.observed(STALL)

    play(tmp_path, scene)


def test_after_a_restart_fences_stand_and_nothing_opens_by_itself(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        relays = make(stage, RelayFaults(delay_s=1))
        await command(stage, relays, CLOSED, 7)
        doomed = asyncio.create_task(command(stage, relays, OPEN, 8))
        await stage.clock.sleep(0.5)
        relays.restart()
        await stage.clock.sleep(60)
        assert doomed.cancelled()
        assert relays.contact(STALL) is Position.CLOSED
        assert relays.observed(STALL).position is Position.UNKNOWN
        assert (await command(stage, relays, OPEN, 6)).refusal is Refusal.FENCE_LOWER

    play(tmp_path, scene)


def test_a_commissioning_session_works_under_the_highest_fence_and_leaves_it_as_it_is(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        relays = make(stage)
        await command(stage, relays, CLOSED, 4)
        session = CommissioningSession(id="s1", point=STALL, expires_us=stage.after_us(600), context=WHY)
        for desired in (OPEN, CLOSED):
            fence = relays.highest_fence(STALL)
            minted = mint_for_commissioning(
                session, desired, fence, now_us=stage.clock.now_us(), expires_us=stage.after_us(20)
            )
            result = await relays.ensure(STALL, desired, minted, fence, stage.after_us(20))
            assert (result.outcome, minted.reference) == (Outcome.CONFIRMED, "commissioning/s1")
        assert relays.highest_fence(STALL) == 4
        assert (await command(stage, relays, CLOSED, 4)).outcome is Outcome.CONFIRMED
        await stage.clock.sleep(600)
        with pytest.raises(ValueError, match="session s1 of stall is over"):
            mint_for_commissioning(
                session, OPEN, Fence(4), now_us=stage.clock.now_us(), expires_us=stage.after_us(20)
            )

    play(tmp_path, scene)
