"""The life of a latch: what fires it, what holds it, and what it outlives."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from rule_house import House

from hub.automation.runtime.latches import Act, Latch, act
from hub.automation.runtime.truth import FALSE, TRUE, UNKNOWN, Truth
from hub.core.states import BAD, GOOD, STALE, UNCERTAIN, Value
from hub.testing.harness import HubHarness

LOW = """
- id: low
  triggers: [{trigger: numeric_state, id: low, entity_id: BALANCES, below: 100RESET}]
  actions: [{action: test.fired}]
"""
A, B = "sensor.a_balance", "sensor.b_balance"


def low(balances: str = A, more: str = "", below: str = "100") -> str:
    """The rule of most tests."""
    return LOW.replace("BALANCES", balances).replace("100RESET", f"{below}{more}")


@pytest.fixture
def house(hub: HubHarness) -> House:
    """A hub without rules yet."""
    return House(hub)


ROWS: list[tuple[str, Latch, Truth, bool, bool, Act]] = [
    ("a crossing fires", Latch.OFF, TRUE, False, False, Act.CROSS),
    ("on this side nothing happens", Latch.OFF, FALSE, True, False, Act.NOTHING),
    ("doubt fires nothing", Latch.OFF, UNKNOWN, False, False, Act.NOTHING),
    ("beyond and fired: nothing more", Latch.ON, TRUE, False, False, Act.NOTHING),
    ("between bound and reset it stays on", Latch.ON, FALSE, False, False, Act.NOTHING),
    ("recovered, it comes off", Latch.ON, FALSE, True, False, Act.RELEASE),
    ("doubt holds it", Latch.ON, UNKNOWN, False, False, Act.NOTHING),
    ("a for goes on", Latch.WAITING, TRUE, False, False, Act.NOTHING),
    ("a for that is over fires with the next good value", Latch.WAITING, TRUE, False, True, Act.FIRE_LATE),
    ("a for ends on this side", Latch.WAITING, FALSE, True, True, Act.CANCEL),
    ("a for ends between bound and reset too", Latch.WAITING, FALSE, False, False, Act.CANCEL),
    ("doubt neither ends nor fires a for", Latch.WAITING, UNKNOWN, False, True, Act.NOTHING),
    ("adopted beyond", Latch.ADOPTING, TRUE, False, False, Act.ADOPT),
    ("adopted on this side", Latch.ADOPTING, FALSE, False, False, Act.RELEASE),
    ("still not known", Latch.ADOPTING, UNKNOWN, False, False, Act.NOTHING),
]


@pytest.mark.parametrize(("latch", "beyond", "is_recovered", "is_overdue", "wanted"), [row[1:] for row in ROWS],
                         ids=[row[0] for row in ROWS])  # fmt: skip
def test_what_a_value_does_to_a_latch(
    latch: Latch, beyond: Truth, is_recovered: bool, is_overdue: bool, wanted: Act
) -> None:
    assert act(latch, beyond, is_recovered=is_recovered, is_overdue=is_overdue) is wanted


@pytest.mark.parametrize("kind", [int, float, Decimal, str])
async def test_a_crossing_fires_once_until_the_value_has_been_back(house: House, kind: type[Decimal]) -> None:
    await house.set(A, kind(150))
    await house.start(low())
    for value, fires in [(120, 0), (99, 1), (98, 0), (100, 0), (99, 1), (101, 0), (99, 1)]:
        await house.set(A, kind(value))
        assert house.fired.take() == [A] * fires, value


async def test_the_first_load_adopts_and_lists_who_is_beyond(house: House) -> None:
    await house.set(A, 50)
    await house.set(B, 150)
    await house.start(low('"sensor.*_balance"'))
    assert house.fired.take() == []
    assert house.fired.told() == [("adopted", f"beyond already, so they fire at their next crossing: {A}")]
    await house.set(A, 49)
    await house.set(B, 99)
    assert house.fired.take() == [B]
    await house.set(A, 101)
    await house.set(A, 99)
    assert house.fired.take() == [A]


async def test_what_was_adopted_is_adopted_after_a_restart_too(house: House) -> None:
    await house.set(A, 50)
    await house.start(low())
    await house.restart()
    await house.set(A, 49)
    assert house.fired.take() == []


async def test_initial_fire_fires_those_who_are_beyond(house: House) -> None:
    await house.set(A, 50)
    await house.set(B, 150)
    await house.start(low('"sensor.*_balance"', ", initial: fire"))
    assert house.fired.take() == [A]
    await house.restart()
    await house.set(A, 49)
    assert house.fired.take() == [], "once, not with every start"


async def test_an_entity_without_a_good_value_at_the_first_load_is_adopted_by_its_first_one(house: House) -> None:
    await house.entity(A)
    await house.set(B, 50, quality=STALE)
    await house.start(low('"sensor.*_balance"'))
    await house.set(A, 50)
    await house.set(B, 50)
    assert house.fired.take() == []
    kinds = [note.kind for note in house.fired.notes]
    assert kinds == ["adopted", "adopted"]
    await house.set(A, 150)
    await house.set(A, 50)
    assert house.fired.take() == [A]


async def test_who_has_not_been_seen_is_still_adopted_after_a_restart(house: House) -> None:
    await house.entity(A)
    await house.start(low())
    await house.restart()
    await house.set(A, 50)
    assert house.fired.take() == []


async def test_a_new_entity_under_an_existing_rule_fires_on_its_first_good_value(house: House) -> None:
    await house.start(low('"sensor.*_balance"'))
    await house.set(A, 50, quality=UNCERTAIN)
    assert house.fired.take() == []
    await house.set(A, 50)
    assert house.fired.take() == [A]


@pytest.mark.parametrize("why", ["reload", "restart"])
async def test_a_changed_bound_adopts(house: House, why: str) -> None:
    await house.set(A, 150)
    await house.start(low())
    if why == "reload":
        await house.reload(low(below="200"))
    else:
        await house.restart(low(below="200"))
        await house.set(A, 150)
    assert house.fired.take() == []
    await house.set(A, 149)
    assert house.fired.take() == []
    await house.set(A, 200)
    await house.set(A, 199)
    assert house.fired.take() == [A]


async def test_a_reload_that_changes_nothing_else_keeps_the_latch(house: House) -> None:
    await house.set(A, 150)
    await house.start(low())
    await house.set(A, 50)
    assert house.fired.take() == [A]
    await house.reload(low().replace("test.fired", "test.other"))
    await house.set(A, 49)
    assert house.fired.take() == []


async def test_a_crossing_while_the_hub_was_down_fires_once_on_the_first_good_value(house: House) -> None:
    await house.set(A, 150)
    await house.start(low())
    await house.restart(down="2 h")
    assert house.fired.take() == [], "the restored value is stale"
    await house.set(A, 50, quality=UNCERTAIN)
    assert house.fired.take() == []
    await house.set(A, 50)
    await house.set(A, 49)
    assert house.fired.take() == [A]


async def test_what_fired_before_a_restart_does_not_fire_after_it(house: House) -> None:
    await house.set(A, 150)
    await house.start(low())
    await house.set(A, 50)
    assert house.fired.take() == [A]
    await house.restart(down=3600)
    await house.set(A, 50)
    await house.set(A, 49)
    assert house.fired.take() == []


async def test_a_rename_keeps_the_latch(house: House) -> None:
    entity = await house.entity(A)
    await house.set(A, 150)
    await house.start(low('"sensor.*_balance"'))
    await house.set(A, 50)
    assert house.fired.take() == [A]
    await house.hub.kernel.registry.rename(entity.id, "sensor.anna_balance")
    await house.set("sensor.anna_balance", 49)
    assert house.fired.take() == []
    await house.restart()
    await house.set("sensor.anna_balance", 48)
    assert house.fired.take() == []
    await house.set("sensor.anna_balance", 148)
    await house.set("sensor.anna_balance", 48)
    assert house.fired.take() == ["sensor.anna_balance"]


async def test_a_rule_that_is_switched_on_again_adopts(house: House) -> None:
    await house.set(A, 150)
    await house.start(low())
    house.attached["low"].detach()
    house.triggers.forget("low")
    await house.set(A, 50)
    await house.reload(low(), "enable")
    assert house.fired.take() == []
    await house.set(A, 49)
    assert house.fired.take() == []


async def test_a_rule_that_was_removed_and_comes_back_adopts(house: House) -> None:
    await house.set(A, 150)
    await house.start(low())
    await house.reload("[]")
    await house.set(A, 50)
    await house.reload(low())
    assert house.fired.take() == []


BOUNDS: list[tuple[str, str, str, bool]] = [
    ("below", "100", "100.00", False),
    ("below", "100", "99.99", True),
    ("at_or_below", "100", "100.00", True),
    ("at_or_below", "100", "100.01", False),
    ("above", "100", "100.00", False),
    ("above", "100", "100.01", True),
    ("at_or_above", "100", "100.00", True),
    ("at_or_above", "100", "99.99", False),
    ("below", "0", "0.00", False),
    ("below", "0", "-0.01", True),
    ("at_or_below", "0", "0.00", True),
    ("at_or_below", "0", "0.01", False),
    ("at_or_below", "0", "-0.00", True),
    ("above", "0", "0.00", False),
    ("above", "0", "0.01", True),
    ("at_or_above", "0", "0.00", True),
    ("at_or_above", "0", "-0.01", False),
]


KINDS: dict[str, Callable[[str], Value]] = {
    "decimal": Decimal,
    "float": float,
    "int": lambda text: int(Decimal(text)),
    "text": str,
}


@pytest.mark.parametrize(("key", "bound", "value", "fires"), BOUNDS)
async def test_exactly_at_the_bound(house: House, key: str, bound: str, value: str, fires: bool) -> None:
    names = {kind: f"sensor.{kind}_balance" for kind in KINDS if kind != "int" or not Decimal(value) % 1}
    for name in names.values():
        await house.set(name, 1000 if key.endswith("below") else -1000)
    await house.start(low('"sensor.*_balance"').replace("below: 100", f"{key}: {bound}"))
    for kind, name in names.items():
        await house.set(name, KINDS[kind](value))
    assert house.fired.take() == (list(names.values()) if fires else [])


RESETS: list[tuple[str, str, list[tuple[str, int]]]] = [
    ("at_or_below: 0", "reset_above: 0", [("0.00", 1), ("0.00", 0), ("0.01", 0), ("0.00", 1)]),
    ("below: 100", "reset_above: 110",
     [("99", 1), ("105", 0), ("99", 0), ("110.00", 0), ("99", 0), ("110.01", 0), ("99", 1)]),
    ("above: 100", "reset_below: 90",
     [("101", 1), ("95", 0), ("101", 0), ("90.00", 0), ("101", 0), ("89.99", 0), ("101", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("bound", "reset", "values"), RESETS)
async def test_a_latch_comes_off_only_strictly_beyond_its_reset(
    house: House, bound: str, reset: str, values: list[tuple[str, int]]
) -> None:
    await house.set(A, 1000 if "below" in bound.split(":")[0] else -1000)
    await house.start(low().replace("below: 100", f"{bound}, {reset}"))
    for value, fires in values:
        await house.set(A, Decimal(value))
        assert house.fired.take() == [A] * fires, value


async def test_a_blip_storm_of_10_000_flaps_on_1_000_latched_entities_fires_nothing(house: House) -> None:
    names = [f"sensor.m{index}_balance" for index in range(1000)]
    for name in names:
        house.hub.set_state(name, 150)
    await house.start(low('"sensor.*_balance"'))
    for name in names:
        house.hub.set_state(name, 50)
    await house.settle()
    assert sorted(map(str, house.fired.take())) == sorted(names)
    for flap in range(10):
        for name in names:
            if flap % 2:
                house.hub.kernel.states.mark(name, BAD)
            else:
                house.hub.set_state(name, None, quality=BAD)
        for name in names:
            house.hub.set_state(name, 50 - flap)
    await house.advance(60)
    assert house.fired.take() == []
    assert house.fired.considered == 1000


@pytest.mark.parametrize("quality", [STALE, BAD, UNCERTAIN])
async def test_doubtful_data_neither_fires_nor_releases(house: House, quality: object) -> None:
    await house.set(A, 150)
    await house.start(low())
    await house.set(A, 50, quality=quality)
    assert house.fired.take() == []
    await house.set(A, 50)
    assert house.fired.take() == [A]
    await house.set(A, 150, quality=quality)
    await house.set(A, 50)
    assert house.fired.take() == []


async def test_a_text_that_is_no_number_moves_nothing(house: House) -> None:
    await house.set(A, 150)
    await house.start(low())
    for value in ("n/a", True, None, "150", 50):
        await house.set(A, value)
    assert house.fired.take() == [A]


async def test_a_bound_that_is_an_entity_is_unknown_while_that_is_in_doubt(house: House) -> None:
    await house.set(A, 150)
    await house.set("sensor.limit", 100, quality=STALE)
    await house.start(low(below="sensor.limit"))
    await house.set(A, 50)
    assert house.fired.take() == []
    await house.set("sensor.limit", 100)
    await house.set(A, 51)
    assert house.fired.take() == [], "the rule came while its bound was unknown: its first look adopts"
    await house.set(A, 100)
    await house.set(A, 99)
    assert house.fired.take() == [A]


async def test_one_firing_that_cannot_begin_does_not_take_the_others_with_it(house: House) -> None:
    two = low() + low(B).replace("- id: low", "- id: other")
    await house.set(A, 150)
    await house.set(B, 150)
    await house.start(two)
    house.fired.refuses.add("low")
    house.hub.set_state(A, 50)
    house.hub.set_state(B, 50)
    await house.settle()
    assert house.fired.take() == [B]
    assert [firing.entity_id for firing in house.fired.abandoned] == [A]


async def test_why_not_says_how_each_entity_stands(house: House) -> None:
    await house.set(A, 150)
    await house.set(B, 50)
    await house.entity("sensor.c_balance")
    await house.set("sensor.d_balance", 70, quality=STALE)
    await house.start(low('"sensor.*_balance"'))
    await house.advance(720)
    shown = {view.entity_id: view for view in house.attached["low"].latches()}
    assert (shown[A].is_set, shown[A].is_beyond, shown[A].reason) == (False, False, f"{A} is 150, not below 100")
    assert (shown[B].is_set, shown[B].is_beyond, shown[B].reason) == (True, True, f"{B} is 50, below 100")
    assert shown["sensor.c_balance"].is_adopting
    assert shown["sensor.c_balance"].reason == "sensor.c_balance does not exist or was never seen"
    assert shown["sensor.d_balance"].reason == "sensor.d_balance is stale for 12 min (70)"
    assert shown["sensor.d_balance"].is_beyond is None


async def test_the_variables_of_a_crossing(house: House) -> None:
    await house.set(A, 150)
    await house.start(low(more=", alias: Low, variables: {owed: '{{ 100 - trigger.to_state.state | int }}'}"))
    await house.set(A, 40)
    [firing] = house.fired.firings
    data = firing.trigger_data
    wanted = {
        "id": "low", "idx": "0", "alias": "Low", "platform": "numeric_state", "entity_id": A, "below": 100,
        "above": None, "late_s": 0,
    }  # fmt: skip
    assert {name: data[name] for name in wanted} == wanted
    assert data["description"] == f"numeric state of {A}"
    assert firing.variables == {"owed": 60}
    assert firing.entity_uid == A


async def test_a_state_marked_good_again_without_a_new_value_counts(house: House) -> None:
    await house.set(A, 150)
    await house.start(low())
    await house.set(A, 50, quality=STALE)
    house.hub.kernel.states.mark(A, GOOD)
    await house.settle()
    assert house.fired.take() == [A]
