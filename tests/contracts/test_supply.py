"""Supply: the word that is shown, restores in the money's own transaction, and requests that are only requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract_stage import Stage, play

from hub.contracts.axes import CreditState, OffReason, ShownState, shown_state
from hub.contracts.ids import AccountId, PointId
from hub.contracts.relays import Desired, Evidence, Position
from hub.contracts.supply import (
    DISCONNECT,
    Commissioning,
    IntentChanged,
    Supply,
    TripAnswer,
    TripRequest,
    TripRequested,
)
from hub.contracts.units import MinorUnits
from hub.core.errors import NotFound
from hub.core.principals import OWNER, Principal
from hub.testing.fakes import FakeAbsent, FakeRelays, FakeSupply, SupplyFaults

STALL, KIOSK = PointId("stall"), PointId("kiosk")
ANNA, BEN = AccountId("anna"), AccountId("ben")
GOOD, LOW, GRACE = CreditState.GOOD, CreditState.LOW, CreditState.GRACE
CREDIT, SAFETY, MAINTENANCE = OffReason.CREDIT, OffReason.SAFETY_TRIP, OffReason.MAINTENANCE_LOCKOUT
CLOSED, OPEN, ARMED, UNKNOWN = Position.CLOSED, Position.OPEN, Position.ARMED, Position.UNKNOWN


@pytest.mark.parametrize(
    ("credit", "reasons", "position", "flags", "shown"),
    [
        pytest.param(GOOD, [], CLOSED, "", ShownState.CONNECTED, id="all is well"),
        pytest.param(GOOD, [], None, "", ShownState.CONNECTED, id="no relay, no reason"),
        pytest.param(LOW, [], CLOSED, "", ShownState.WARNED, id="low"),
        pytest.param(CreditState.EXHAUSTED, [], CLOSED, "", ShownState.WARNED, id="exhausted, nothing asked yet"),
        pytest.param(GRACE, [], CLOSED, "", ShownState.GRACE, id="grace"),
        pytest.param(LOW, [], CLOSED, "pending", ShownState.PENDING_TRIP, id="a request waits"),
        pytest.param(LOW, [CREDIT], CLOSED, "", ShownState.TRIPPING, id="decided, not open yet"),
        pytest.param(LOW, [CREDIT], CLOSED, "mismatched", ShownState.MISMATCH, id="it would not open"),
        pytest.param(LOW, [CREDIT], None, "", ShownState.MISMATCH, id="off by right, but no relay to open"),
        pytest.param(LOW, [CREDIT], OPEN, "", ShownState.TRIPPED, id="tripped"),
        pytest.param(LOW, [CREDIT, SAFETY], OPEN, "", ShownState.SAFETY_LOCK, id="safety before credit"),
        pytest.param(LOW, [CREDIT, MAINTENANCE], OPEN, "", ShownState.MANUAL_LOCK, id="a person before credit"),
        pytest.param(GOOD, [], OPEN, "", ShownState.RESTORING, id="paid, not closed yet"),
        pytest.param(GOOD, [], OPEN, "mismatched", ShownState.MISMATCH, id="it would not close"),
        pytest.param(GOOD, [], ARMED, "", ShownState.ARMED, id="press the button"),
        pytest.param(LOW, [CREDIT], OPEN, "comm_lost", ShownState.COMM_LOST, id="nobody knows any more"),
        pytest.param(GOOD, [], UNKNOWN, "", ShownState.COMM_LOST, id="an unknown relay is never called connected"),
    ],
)
def test_the_shown_word_follows_from_the_three_axes(
    credit: CreditState, reasons: list[OffReason], position: Position | None, flags: str, shown: ShownState
) -> None:
    found = shown_state(
        credit, reasons, position, is_comm_lost=flags == "comm_lost", is_pending=flags == "pending",
        is_mismatched=flags == "mismatched",
    )  # fmt: skip
    assert found is shown


async def make(stage: Stage, faults: SupplyFaults | None = None, relays: FakeRelays | None = None) -> FakeSupply:
    fake = FakeSupply(stage.db, stage.clock, faults, stage.events.append, relays)
    await fake.open()
    await fake.add_point(STALL, ANNA, reconnect_minor=MinorUnits(500))
    await fake.add_point(KIOSK, BEN, is_manual_only=True)
    return fake


def test_credit_from_the_reconnect_balance_up_restores_in_the_callers_transaction(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        supply: Supply = fake
        assert DISCONNECT == "supply.disconnect"
        tripped = await fake.decide(STALL, CREDIT, is_off=True)
        short = await stage.db.write(lambda tx: supply.credit_changed(tx, ANNA, MinorUnits(499)))
        assert (short.intents, short.missing_minor) == ((), 1)
        enough = await stage.db.write(lambda tx: supply.credit_changed(tx, ANNA, MinorUnits(500)))
        (restored,) = enough.intents
        assert (restored.desired, restored.seq, enough.missing_minor) == (Desired.CLOSED, tripped.seq + 1, 0)
        again = await stage.db.write(lambda tx: supply.credit_changed(tx, ANNA, MinorUnits(500)))
        assert again.intents == ()
        assert [event.intent.desired for event in stage.of(IntentChanged)] == [Desired.OPEN, Desired.CLOSED]

    play(tmp_path, scene)


def test_a_rolled_back_credit_restores_nobody(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        await fake.decide(STALL, CREDIT, is_off=True)

        def credit_and_fail(tx: object) -> None:
            fake.credit_changed(tx, ANNA, MinorUnits(9_999))  # type: ignore[arg-type]
            raise RuntimeError("no space")

        with pytest.raises(RuntimeError, match="no space"):
            await stage.db.write(credit_and_fail)
        view = await fake.view(OWNER, STALL)
        assert [entry.reason for entry in view.off] == [CREDIT]
        assert len(stage.of(IntentChanged)) == 1

    play(tmp_path, scene)


def test_money_takes_away_credit_and_no_other_reason(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        await fake.decide(STALL, CREDIT, is_off=True)
        await fake.decide(STALL, MAINTENANCE, is_off=True)
        effect = await stage.db.write(lambda tx: fake.credit_changed(tx, ANNA, MinorUnits(9_999)))
        assert [intent.desired for intent in effect.intents] == [Desired.OPEN]
        view = await fake.view(OWNER, STALL)
        assert [entry.reason for entry in view.off] == [MAINTENANCE]
        assert view.intent is not None
        assert view.intent.seq == 1, "the standing intent already says open"

    play(tmp_path, scene)


def test_a_request_is_pending_once_and_opens_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        request = TripRequest(point=STALL, reason=CREDIT, note="balance 0.00")
        answers = [await stage.db.write(lambda tx: fake.request_trip(tx, request)) for _ in range(2)]
        assert answers == [TripAnswer.PENDING, TripAnswer.ALREADY_PENDING]
        view = await fake.view(OWNER, STALL)
        assert view.pending is not None
        assert (view.off, view.intent) == ((), None)
        await fake.decide(STALL, CREDIT, is_off=True)
        assert await stage.db.write(lambda tx: fake.request_trip(tx, request)) is TripAnswer.ALREADY_OFF
        assert (await fake.view(OWNER, STALL)).pending is None
        assert [event.answer for event in stage.of(TripRequested)] == [*answers, TripAnswer.ALREADY_OFF]

    play(tmp_path, scene)


def test_a_lock_cannot_be_had_by_a_request() -> None:
    with pytest.raises(
        ValueError, match=r"a trip for maintenance_lockout cannot be requested; supply\.lock sets it"
    ):
        TripRequest(point=STALL, reason=MAINTENANCE, note="")


def test_a_point_is_manual_only_until_a_trip_test_with_evidence_passed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        request = TripRequest(point=KIOSK, reason=SAFETY, note="63 A for 20 s")
        assert await stage.db.write(lambda tx: fake.request_trip(tx, request)) is TripAnswer.NEEDS_PERSON
        with pytest.raises(ValueError, match="kiosk: a passed trip test needs the evidence of an open relay"):
            await stage.db.write(lambda tx: fake.commissioning(tx, KIOSK, Commissioning.PASSED, None))
        evidence = Evidence(
            position=OPEN, status_words=(0,), current_ma=0, voltage_mv=None, serial="1", source_us=1
        )
        await stage.db.write(lambda tx: fake.commissioning(tx, KIOSK, Commissioning.PASSED, evidence))
        assert await stage.db.write(lambda tx: fake.request_trip(tx, request)) is TripAnswer.PENDING

    play(tmp_path, scene)


def test_a_tenant_sees_the_own_points_only(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        fake = await make(stage)
        ben = Principal("user:ben", scopes={"account": frozenset({BEN})})
        assert [view.point for view in await fake.views(ben)] == [KIOSK]
        with pytest.raises(NotFound, match="no point 'stall' for user:ben"):
            await fake.view(ben, STALL)

    play(tmp_path, scene)


def test_the_view_shows_what_the_relays_observe_and_faults_are_played(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        relays = FakeRelays(stage.clock)
        for point in (STALL, KIOSK):
            relays.add_relay(point)
        fake = await make(stage, SupplyFaults(answer=TripAnswer.GUARD_SPENT), relays)
        assert (await fake.view(OWNER, STALL)).shown is ShownState.COMM_LOST
        relays.look(STALL)
        assert (await fake.view(OWNER, STALL)).shown is ShownState.CONNECTED
        request = TripRequest(point=STALL, reason=CREDIT, note="")
        assert await stage.db.write(lambda tx: fake.request_trip(tx, request)) is TripAnswer.GUARD_SPENT
        fake.faults.absent = True
        with pytest.raises(FakeAbsent, match="supply is absent"):
            await fake.views(OWNER)

    play(tmp_path, scene)
