"""Scripts as actions of rules: fields, answers, modes, and restarts in their middle."""

from __future__ import annotations

import pytest
from engine_stage import Stage

from hub.testing.harness import HubHarness

RULE = """\
- id: a
  mode: parallel
  triggers: [{trigger: event, event_type: go}]
  actions:
  - action: script.work
    data: {n: "{{ trigger.event.data.n }}"}
    response_variable: answer
  - action: test.after
    data: {answer: "{{ answer }}", n: "{{ n is defined }}"}
"""
WORK = """\
work:
  fields:
    n: {required: true}
    more: {default: 7}
  sequence:
  - action: test.inside
    data: {n: "{{ n }}", more: "{{ more }}", sees: "{{ trigger is defined }}"}
  - delay: 10
  - variables: {result: {twice: "{{ n * 2 }}"}}
  - {stop: done, response_variable: result}
"""


@pytest.fixture
def stage(hub: HubHarness) -> Stage:
    stage = Stage(hub)
    stage.offer("test.inside", "test.after")
    return stage


async def test_a_script_sees_its_fields_and_answers(stage: Stage) -> None:
    await stage.start(RULE, WORK)
    await stage.fire(n=4)
    await stage.advance(10)
    assert [(action, data) for _, action, data in stage.take()] == [
        ("test.inside", {"n": 4, "more": 7, "sees": False}),
        ("test.after", {"answer": {"twice": 8}, "n": False}),
    ]
    assert await stage.rows() == 0
    assert {one.rule_id for one in stage.asked} == {"a"}, "what a script calls is called for the rule"


@pytest.mark.parametrize("is_crash", [False, True], ids=["in order", "by a crash"])
@pytest.mark.parametrize("at_s", [0, 5], ids=["at once", "in its delay"])
async def test_a_script_goes_on_after_a_restart_and_its_caller_with_it(
    stage: Stage, at_s: int, is_crash: bool
) -> None:
    await stage.start(RULE, WORK)
    await stage.fire(n=4)
    await stage.advance(at_s)
    await stage.restart(1, is_crash=is_crash)
    await stage.advance(20)
    assert stage.names() == ["inside", "after"]
    assert await stage.rows() == 0


async def test_a_script_that_ended_while_its_caller_was_not_there_yet_is_not_run_again(stage: Stage) -> None:
    await stage.start(RULE, WORK)
    await stage.fire(n=4)
    await stage.restart(60, is_crash=True)
    await stage.advance(20)
    assert [(action, data.get("answer")) for _, action, data in stage.take()] == [
        ("test.inside", None),
        ("test.after", {"twice": 8}),
    ]


async def test_a_missing_field_and_an_unknown_script_are_mistakes_of_the_rule(stage: Stage) -> None:
    text = RULE.replace('data: {n: "{{ trigger.event.data.n }}"}', "continue_on_error: true")
    await stage.start(text + text.replace("id: a", "id: b").replace("script.work", "script.wokr"), WORK)
    await stage.fire(n=4)
    assert stage.names() == []
    assert "script.work needs 'n'; write it under `data`" in (await stage.last())["reason"]
    assert "there is no script 'wokr'. Did you mean 'work'?" in (await stage.last("b"))["reason"]


async def test_a_single_script_that_is_busy_is_dropped_and_the_caller_goes_on(stage: Stage) -> None:
    await stage.start(RULE, WORK)
    await stage.fire(n=1)
    await stage.fire(n=2)
    assert [(action, data.get("answer", data.get("n"))) for _, action, data in stage.take()] == [
        ("test.inside", 1),
        ("test.after", {}),
    ]
    assert await stage.rows("automation__drops") == 1


async def test_a_script_that_calls_itself_in_mode_queued_does_not_wait_for_itself(stage: Stage) -> None:
    script = "work:\n  mode: queued\n  sequence: [{action: script.work}, {action: test.inside}]\n"
    await stage.start(RULE, script)
    await stage.fire(n=1)
    assert stage.names() == ["inside", "after"]


async def test_turn_on_does_not_wait_and_turn_off_ends(stage: Stage) -> None:
    rules = """\
- id: a
  triggers: [{trigger: event, event_type: go}]
  actions:
  - action: script.turn_on
    target: {entity_id: script.slow}
    data: {variables: {n: 3}}
  - action: test.after
- id: b
  triggers: [{trigger: event, event_type: halt}]
  actions: [{action: script.turn_off, target: {entity_id: script.slow}}]
"""
    slow = "slow:\n  mode: parallel\n  sequence: [{delay: 10}, {action: test.inside, data: {n: '{{ n }}'}}]\n"
    await stage.start(rules, slow)
    await stage.fire()
    assert stage.names() == ["after"]
    await stage.restart(1)
    await stage.advance(15)
    assert [data for _, _, data in stage.take()] == [{"n": 3}], "it outlives its caller and a restart"
    await stage.fire()
    await stage.fire("halt")
    await stage.advance(15)
    assert stage.names() == ["after"]


async def test_a_caller_that_is_ended_ends_the_script(stage: Stage) -> None:
    await stage.start(RULE.replace("mode: parallel", "mode: restart"), WORK)
    await stage.fire(n=1)
    await stage.fire(n=2)
    await stage.advance(20)
    assert [data.get("answer", data.get("n")) for _, _, data in stage.take()] == [1, 2, {"twice": 4}]
    assert await stage.rows() == 0
