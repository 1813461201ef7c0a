"""How firings reach the disk: together with their latches, in order, and again until the store works."""

from __future__ import annotations

import pytest
from rule_house import House

from hub.automation.runtime.commits import SHARE_MAX
from hub.automation.runtime.store import read_saved
from hub.core.faultpoints import install
from hub.core.storage import StorageError, Tx
from hub.testing.harness import HubHarness

LOW = """
- id: low
  triggers: [{trigger: numeric_state, id: low, entity_id: "sensor.*", below: 100}]
  actions: [{action: test.fired}]
"""


@pytest.fixture
def house(hub: HubHarness) -> House:
    """A hub with a threshold over three thousand meters."""
    return House(hub)


async def begin(house: House, count: int = 3) -> list[str]:
    """Meters that are not beyond, and the rule."""
    names = [f"sensor.m{index}" for index in range(count)]
    for name in names:
        house.hub.set_state(name, 150)
    await house.start(LOW)
    return names


async def test_a_burst_makes_few_transactions_in_the_order_of_the_edges(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = await begin(house, 3 * SHARE_MAX)
    sizes: list[int] = []
    begin_all = house.fired.begin

    def counted(tx: Tx, considered: list[object]) -> None:
        tx.on_commit(lambda: sizes.append(len(considered)))
        begin_all(tx, considered)  # type: ignore[arg-type]

    monkeypatch.setattr(house.fired, "begin", counted)
    for name in names:
        house.hub.set_state(name, 50)
    assert house.fired.considered == len(names), "each was looked at at its instant"
    assert house.fired.firings == [], "and none began before it was on disk"
    await house.settle()
    assert house.fired.take() == names
    assert sizes == [SHARE_MAX] * 3


async def test_latch_and_run_commit_together_or_not_at_all(house: House) -> None:
    names = await begin(house)

    def fail(name: str) -> None:
        if name == "automation.triggers_fired":
            raise StorageError("the disk is gone")

    async def on_disk() -> tuple[object, object]:
        saved = await house.hub.kernel.db.read(read_saved, owner="automation")
        fired = await house.hub.kernel.db.read(
            lambda reader: reader.value("SELECT count(*) FROM automation__fired"), owner="automation"
        )
        return saved.latched, fired

    install(fail)
    try:
        house.hub.set_state(names[0], 50)
        await house.hub.advance(0.1)
        assert await on_disk() == ({}, 0)
    finally:
        install(None)
    await house.advance(60)
    assert await on_disk() == ({("low", "low"): {names[0]: False}}, 1)


async def test_while_the_store_fails_it_is_tried_again_and_nothing_is_lost_or_overtaken(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = await begin(house)
    begin_all = house.fired.begin
    fails = 3

    def failing(tx: Tx, considered: list[object]) -> None:
        nonlocal fails
        fails -= 1
        if fails >= 0:
            raise StorageError("the disk is full; make room")
        begin_all(tx, considered)  # type: ignore[arg-type]

    monkeypatch.setattr(house.fired, "begin", failing)
    house.hub.set_state(names[0], 50)
    await house.hub.advance(0.5)
    house.hub.set_state(names[0], 150)
    house.hub.set_state(names[0], 50)
    house.hub.set_state(names[1], 50)
    assert house.fired.firings == []
    await house.advance(60)
    assert house.fired.take() == [names[0], names[0], names[1]]
    saved = await house.hub.kernel.db.read(read_saved, owner="automation")
    assert saved.latched == {("low", "low"): {names[0]: False, names[1]: False}}


async def test_of_many_moves_of_one_latch_the_last_is_on_disk(house: House) -> None:
    names = await begin(house)
    for value in (50, 150, 50, 150):
        house.hub.set_state(names[0], value)
    await house.settle()
    saved = await house.hub.kernel.db.read(read_saved, owner="automation")
    assert saved.latched == {}
    assert house.fired.take() == [names[0], names[0]]
