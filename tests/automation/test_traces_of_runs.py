"""Traces: what each run did, step by step, and why others did not run."""

from __future__ import annotations

import textwrap

import pytest
from engine_stage import Stage

from hub.core.states import STALE
from hub.testing.harness import HubHarness


def rule(actions: str, more: str = "") -> str:
    return (
        f"- id: a\n{textwrap.indent(more, '  ')}\n  triggers: [{{trigger: event, event_type: go}}]\n"
        f"  actions:\n{textwrap.indent(actions, '  ')}\n"
    )


@pytest.fixture
def stage(hub: HubHarness) -> Stage:
    stage = Stage(hub)
    stage.offer("test.a")
    stage.responses["test.a"] = {"kwh": 5}
    return stage


async def test_a_trace_shows_each_step_with_what_it_set_and_found(stage: Stage) -> None:
    steps = """\
- variables: {x: "{{ 1 + 1 }}"}
- action: test.a
  data: {x: "{{ x }}"}
  response_variable: answer
- if: "{{ x == 2 }}"
  then: [{delay: 3}]
- repeat: {count: 2, sequence: [{variables: {x: "{{ repeat.index }}"}}]}
"""
    await stage.start(rule(steps))
    await stage.fire()
    await stage.advance(3)
    last = await stage.last()
    assert (last["outcome"], last["cause"], last["reason"]) == ("finished", "event 'go'", "")
    shown = {step["path"]: (step.get("changed"), step.get("result")) for step in last["steps"]}
    assert shown["actions/0"] == ({"x": 2}, None)
    assert shown["actions/1"] == ({"answer": {"kwh": 5}}, {"action": "test.a", "data": {"x": 2}})
    assert shown["actions/2"][1] is not None
    assert shown["actions/2"][1]["choice"] == "then"
    assert shown["actions/2/then/0"] == (None, {"delay_s": 3.0, "done": True})
    assert shown["actions/3/repeat/sequence/0#2"] == ({"x": 2}, None)


async def test_a_refusal_says_which_condition_and_why(stage: Stage) -> None:
    text = rule("- action: test.a", "conditions:\n- condition: numeric_state\n  entity_id: sensor.a\n  below: 10")
    await stage.start(text)
    await stage.set("sensor.a", 50)
    await stage.fire()
    assert (await stage.last())["reason"] == "sensor.a is 50, not below 10"
    await stage.set("sensor.a", 5, quality=STALE)
    await stage.advance("12 min")
    await stage.fire()
    last = await stage.last()
    assert (last["outcome"], last["reason"]) == ("refused", "unknown: sensor.a is stale for 12 min (5)")
    assert last["conditions"][-1] == {
        "path": "conditions/0", "result": "unknown", "reason": "unknown: sensor.a is stale for 12 min (5)"
    }  # fmt: skip


@pytest.mark.parametrize(("keep", "kept"), [(2, 2), (0, 0)])
async def test_the_last_n_traces_are_kept_over_restarts(stage: Stage, keep: int, kept: int) -> None:
    await stage.start(rule("- action: test.a", f"trace: {{stored_traces: {keep}}}"))
    for _ in range(4):
        await stage.fire()
    await stage.advance(5)
    before = [one["run"] for one in await stage.engine.traces("a")]
    assert len(before) == kept
    await stage.restart(1)
    assert [one["run"] for one in await stage.engine.traces("a")] == before
    assert await stage.rows("automation__traces") == kept
    await stage.fire()
    assert len(await stage.engine.traces("a")) == kept
    assert await stage.rows("automation__traces") == kept, "those of earlier starts make room as well"


async def test_what_did_not_run_drives_out_no_trace_of_what_did(stage: Stage) -> None:
    await stage.start(rule("- action: test.a", "conditions: '{{ trigger.event.data.n == 1 }}'"))
    await stage.fire(n=1)
    for _ in range(20):
        await stage.fire(n=2)
    outcomes = [one["outcome"] for one in await stage.engine.traces("a")]
    assert outcomes == ["refused"] * 5 + ["finished"]


async def test_a_long_loop_leaves_a_short_trace_with_its_last_rounds(stage: Stage) -> None:
    await stage.start(rule("- repeat: {count: 3000, sequence: [{variables: {x: 1}}]}"))
    await stage.fire()
    paths = [step["path"] for step in (await stage.last())["steps"]]
    assert len(paths) == 21
    assert paths[-1] == "actions/0/repeat/sequence/0#3000"


async def test_a_long_value_is_cut_in_a_trace_and_whole_in_the_run(stage: Stage) -> None:
    await stage.start(
        rule("- variables: {x: \"{{ 'a' * 5000 }}\"}\n- action: test.a\n  data: {n: '{{ x | length }}'}")
    )
    await stage.fire()
    assert [data for _, _, data in stage.take()] == [{"n": 5000}]
    changed = (await stage.last())["steps"][0]["changed"]["x"]
    assert changed.endswith("... (5000 characters)")


LOW = """\
- id: a
  triggers: [{trigger: numeric_state, entity_id: sensor.a, below: 10, id: low}]
  actions: [{action: test.a}]
"""


async def test_explain_says_where_each_threshold_stands(stage: Stage) -> None:
    await stage.set("sensor.a", 5)
    await stage.start(LOW)
    sentences = (await stage.engine.explain("a"))["sentences"]
    assert sentences[0] == (
        "sensor.a (trigger low): it was beyond already when the rule came, and fires at its next crossing"
    )
    assert stage.engine.overlooked() == ["a"]
    await stage.set("sensor.a", 50)
    assert stage.engine.overlooked() == []
    await stage.set("sensor.a", 5)
    assert "it has fired for this crossing" in (await stage.engine.explain("a"))["sentences"][0]
    await stage.set("sensor.a", 5, quality=STALE)
    assert "it cannot be said where it stands, " in (await stage.engine.explain("a"))["sentences"][0]


async def test_explain_knows_of_switches_drops_and_failures(stage: Stage) -> None:
    await stage.start(rule("- delay: 5\n- action: test.gone"))
    sentences = (await stage.engine.explain("a"))["sentences"]
    assert sentences == ["it has not been triggered yet; its triggers are attached and wait"]
    await stage.fire()
    await stage.fire()
    await stage.advance(10)
    explained = await stage.engine.explain("a")
    told = " | ".join(explained["sentences"])
    assert "it failed: test.gone: there is no action 'test.gone'" in told
    assert "a run was dropped: mode single: a run is under way" in told
    await stage.engine.turn_off("a")
    assert (await stage.engine.explain("a"))["sentences"][0] == "it is switched off"
