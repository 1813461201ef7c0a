"""Modes: who runs beside whom, what is dropped, and that every drop is on record."""

from __future__ import annotations

import textwrap

import pytest
from engine_stage import Stage

from hub.testing.harness import HubHarness

STEPS = """\
- action: test.start
  data: {n: "{{ trigger.event.data.n }}"}
- delay: 10
- action: test.end
  data: {n: "{{ trigger.event.data.n }}"}
"""


def rule(mode: str, actions: str = STEPS) -> str:
    """A rule of a mode that an event `go` triggers."""
    return (
        f"- id: a\n{textwrap.indent(mode, '  ')}\n  triggers: [{{trigger: event, event_type: go}}]\n"
        f"  actions:\n{textwrap.indent(actions, '  ')}\n"
    )


@pytest.fixture
def stage(hub: HubHarness) -> Stage:
    stage = Stage(hub)
    stage.offer("test.start", "test.end")
    return stage


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param("mode: single", [(0, "start", 1), (10, "end", 1)], id="single drops the second"),
        pytest.param(
            "mode: restart", [(0, "start", 1), (1, "start", 2), (2, "start", 3), (12, "end", 3)], id="restart"
        ),
        pytest.param(
            "mode: queued",
            [(0, "start", 1), (10, "end", 1), (10, "start", 2), (20, "end", 2), (20, "start", 3), (30, "end", 3)],
            id="queued",
        ),
        pytest.param(
            "mode: queued\nmax: 2",
            [(0, "start", 1), (10, "end", 1), (10, "start", 2), (20, "end", 2)],
            id="queued counts the one under way",
        ),
        pytest.param(
            "mode: parallel\nmax: 2",
            [(0, "start", 1), (1, "start", 2), (10, "end", 1), (11, "end", 2)],
            id="parallel up to max",
        ),
    ],
)
async def test_three_firings_a_second_apart(stage: Stage, mode: str, expected: list[tuple[int, str, int]]) -> None:
    await stage.start(rule(mode))
    began_s = stage.now_s()
    for n in (1, 2, 3):
        await stage.fire(n=n)
        await stage.advance(1)
    await stage.advance(60)
    called = [
        (round(at_s - began_s), action.removeprefix("test."), data["n"]) for at_s, action, data in stage.take()
    ]
    assert called == expected
    assert await stage.rows() == 0
    dropped = 3 - len({n for _, _, n in expected})
    assert await stage.rows("automation__drops") == dropped, "a drop is on disk, whatever `max_exceeded` says"


@pytest.mark.parametrize("severity", ["silent", "error"])
async def test_max_exceeded_says_how_loud_a_drop_is(
    stage: Stage, severity: str, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.start(rule(f"max_exceeded: {severity}"))
    await stage.fire(n=1)
    await stage.fire(n=2)
    found = [record.levelname for record in caplog.records if "does not run" in record.message]
    assert found == ([] if severity == "silent" else ["ERROR"])
    drop = (await stage.engine.explain("a"))["drops"][0]
    assert drop["reason"] == "mode single: a run is under way"
    assert drop["cause"] == "event 'go'"


async def test_a_rule_over_many_entities_has_a_mode_for_each_of_them(stage: Stage) -> None:
    text = rule("mode: single", "- action: test.start\n- delay: 10").replace(
        "{trigger: event, event_type: go}", "{trigger: state, entity_id: 'switch.*', to: 'on'}"
    )
    await stage.start(text)
    for entity_id in ("switch.a", "switch.b"):
        await stage.set(entity_id, value=False)
        await stage.set(entity_id, value=True)
    assert stage.names() == ["start", "start"]
    await stage.set("switch.a", value=False)
    await stage.set("switch.a", value=True)
    assert stage.names() == [], "switch.a is busy"
    drop = (await stage.engine.explain("a"))["drops"][0]
    assert drop["entity_uid"] == "switch.a"


async def test_conditions_come_before_the_mode(stage: Stage) -> None:
    text = rule("mode: restart").replace(
        "  actions:", "  conditions: '{{ trigger.event.data.n != 2 }}'\n  actions:"
    )
    await stage.start(text)
    await stage.fire(n=1)
    await stage.fire(n=2)
    await stage.advance(10)
    assert stage.names() == ["start", "end"], "what is refused restarts nothing"
    refused, finished = sorted((await stage.engine.traces("a")), key=lambda one: str(one["outcome"]), reverse=True)
    assert (refused["outcome"], finished["outcome"]) == ("refused", "finished")
    assert str(refused["reason"]).startswith("the template gives 'False'")


async def test_the_storm_brake_holds_a_rule_that_fires_itself(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.start(rule("mode: parallel\nmax: 1000\nmax_runs_per: {minute: 5}", "- event: go\n- delay: 1"))
    await stage.fire()
    await stage.advance(30)
    assert "storm brake: 5 runs began within 60 s" in caplog.text
    record = (await stage.engine.explain("a"))["record"]
    assert (record["runs"], record["dropped"]) == (5, 1)
    await stage.advance(60)
    await stage.fire()
    assert (await stage.engine.explain("a"))["record"]["runs"] == 10, "a minute later it may run again"


async def test_a_run_that_restarts_its_own_rule_ends_at_once(stage: Stage) -> None:
    text = rule("mode: restart", "- if: '{{ trigger.event.data.n == 1 }}'\n  then:\n  - event: go\n"
                "    event_data: {n: 2}\n  - action: test.end\n- action: test.start")  # fmt: skip
    await stage.start(text)
    await stage.fire(n=1)
    await stage.advance(1)
    assert stage.names() == ["start"], "only the second run gets to its end"
