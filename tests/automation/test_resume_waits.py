"""Waits over a restart: what came to hold meanwhile ends them, what held all along does not."""

from __future__ import annotations

import textwrap

import pytest
from engine_stage import Stage

from hub.core.states import STALE, Value
from hub.testing.harness import HubHarness

AFTER = (
    "- action: test.after\n  data:\n    done: '{{ wait.completed }}'\n"
    "    who: \"{{ wait.trigger.entity_id if wait.trigger is defined and wait.trigger else 'none' }}\"\n"
)


def rule(actions: str) -> str:
    """A rule that an event `go` triggers, and that says at its end how its wait ended."""
    return (
        "- id: a\n  triggers: [{trigger: event, event_type: go}]\n"
        f"  actions:\n{textwrap.indent(actions + AFTER, '  ')}"
    )


def wait_for(trigger: str, more: str = "timeout: 100") -> str:
    return f"- wait_for_trigger: [{{{trigger}}}]\n  {more}\n"


ON = "trigger: state, entity_id: switch.a, to: 'on'"
LOW = "trigger: numeric_state, entity_id: sensor.a, below: 10"


@pytest.fixture
def stage(hub: HubHarness) -> Stage:
    stage = Stage(hub)
    stage.offer("test.after", "test.cause")
    return stage


async def put(stage: Stage, entity_id: str, value: Value) -> None:
    await stage.set(entity_id, value)


@pytest.mark.parametrize(
    ("actions", "before", "after", "is_over"),
    [
        pytest.param(wait_for(ON), ("switch.a", False), ("switch.a", True), True, id="a state came about"),
        pytest.param(wait_for(ON), ("switch.a", True), ("switch.a", True), False, id="a state held all along"),
        pytest.param(wait_for(LOW), ("sensor.a", 50), ("sensor.a", 5), True, id="a bound was crossed"),
        pytest.param(wait_for(LOW), ("sensor.a", 5), ("sensor.a", 4), False, id="a bound held all along"),
        pytest.param(
            "- wait_template: \"{{ is_state('switch.a', 'on') }}\"\n  timeout: 100\n",
            ("switch.a", False),
            ("switch.a", True),
            True,
            id="a template became true",
        ),
    ],
)
async def test_what_happened_while_the_hub_was_down(
    stage: Stage, actions: str, before: tuple[str, Value], after: tuple[str, Value], is_over: bool
) -> None:
    await put(stage, *before)
    await stage.start(rule(actions))
    await stage.fire()
    assert stage.take() == []
    states = [after]

    async def meanwhile() -> None:
        await stage.hub.advance(5)
        for entity_id, value in states:
            stage.hub.set_state(entity_id, value)

    await stage.hub.restart(meanwhile)
    await stage.advance(1)
    assert [data["done"] for _, _, data in stage.take()] == ([True] if is_over else [])
    await stage.advance(200)
    assert [data["done"] for _, _, data in stage.take()] == ([] if is_over else [False])


@pytest.mark.parametrize(("trigger", "entity_id", "value"), [(ON, "switch.a", True), (LOW, "sensor.a", 5)])
async def test_a_stale_value_ends_no_wait_before_it_is_good(
    stage: Stage, trigger: str, entity_id: str, value: Value
) -> None:
    await put(stage, entity_id, False if value is True else 50)
    await stage.start(rule(wait_for(trigger)))
    await stage.fire()

    async def meanwhile() -> None:
        stage.hub.set_state(entity_id, value, quality=STALE)

    await stage.hub.restart(meanwhile)
    await stage.advance(10)
    assert stage.take() == []
    await put(stage, entity_id, value)
    assert [data["who"] for _, _, data in stage.take()] == [entity_id]


async def test_the_time_limit_of_a_wait_keeps_its_end(stage: Stage) -> None:
    await put(stage, "switch.a", value=False)
    await stage.start(rule(wait_for(ON, "timeout: 60")))
    began_s = stage.now_s()
    await stage.fire()
    await stage.advance(20)
    await stage.restart(10)
    await stage.advance(60)
    [(at_s, _, data)] = stage.take()
    assert (round(at_s - began_s), data["done"]) == (60, False)


async def test_a_wait_that_goes_on_hears_what_happens_now(stage: Stage) -> None:
    await put(stage, "switch.a", value=False)
    await stage.start(rule(wait_for(ON)))
    await stage.fire()
    await stage.restart(10)
    await put(stage, "switch.a", value=False)
    await put(stage, "switch.a", value=True)
    assert [data["who"] for _, _, data in stage.take()] == ["switch.a"]


async def test_steps_after_arming_are_not_run_twice(stage: Stage) -> None:
    steps = "- wait_for_trigger: [{trigger: event, event_type: done}]\n  timeout: 60\n"
    steps += "  after_arming: [{action: test.cause}, {delay: 10}]\n"
    await stage.start(rule(steps))
    await stage.fire()
    await stage.advance(5)
    await stage.restart(1)
    await stage.advance(10)
    await stage.fire("done")
    assert stage.names() == ["cause", "after"]
