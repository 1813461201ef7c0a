"""What steps do, in a table: the rule's actions, what it calls, and when."""

from __future__ import annotations

import textwrap

import pytest
from engine_stage import Stage

from hub.core.actions import Effect
from hub.core.errors import HubError
from hub.core.storage import StorageBusy
from hub.testing.harness import HubHarness

CASES = [
    pytest.param("- action: test.a", [(0, "a")], id="an action"),
    pytest.param("- delay: 5\n- action: test.a", [(5, "a")], id="a delay"),
    pytest.param("- delay: 0\n- action: test.a", [(0, "a")], id="a delay of nothing"),
    pytest.param(
        "- parallel:\n  - [{delay: 2}, {action: test.a}]\n  - action: test.b\n- action: test.c",
        [(0, "b"), (2, "a"), (2, "c")],
        id="branches run side by side and the next step waits for all",
    ),
    pytest.param(
        "- if: '{{ false }}'\n  then: [{action: test.a}]\n  else: [{action: test.b}]", [(0, "b")], id="else"
    ),
    pytest.param(
        "- choose:\n  - {conditions: '{{ false }}', sequence: [{action: test.a}]}\n"
        "  - {conditions: '{{ true }}', sequence: [{action: test.b}]}\n  default: [{action: test.c}]",
        [(0, "b")],
        id="the first option that holds",
    ),
    pytest.param(
        "- repeat: {count: 3, sequence: [{delay: 1}, {action: test.a}]}\n- action: test.b",
        [(1, "a"), (2, "a"), (3, "a"), (3, "b")],
        id="a counted loop",
    ),
    pytest.param(
        "- repeat:\n    for_each: [x, y]\n    sequence:\n    - if: \"{{ repeat.item == 'y' }}\"\n"
        "      then: [{action: test.a}]\n",
        [(0, "a")],
        id="a loop over items",
    ),
    pytest.param(
        "- repeat: {while: '{{ repeat.index < 3 }}', sequence: [{action: test.a}]}",
        [(0, "a"), (0, "a")],
        id="while looks before each round",
    ),
    pytest.param(
        "- repeat: {until: '{{ repeat.index == 2 }}', sequence: [{action: test.a}]}",
        [(0, "a"), (0, "a")],
        id="until looks after each round",
    ),
    pytest.param(
        "- sequence: [{condition: '{{ false }}'}, {action: test.a}]\n- action: test.b",
        [(0, "b")],
        id="a condition ends the sequence that it stands in",
    ),
    pytest.param("- condition: '{{ false }}'\n- action: test.a", [], id="a condition at the top ends the run"),
    pytest.param(
        "- parallel: [[{stop: enough}], [{delay: 1}, {action: test.a}]]\n- action: test.b",
        [(1, "a")],
        id="a stop in a branch lets the others end and then ends the run",
    ),
    pytest.param(
        "- wait_template: \"{{ is_state('switch.a', 'on') }}\"\n  timeout: 3\n- action: test.a",
        [(3, "a")],
        id="a wait that times out goes on",
    ),
    pytest.param(
        "- wait_template: '{{ false }}'\n  timeout: 3\n  continue_on_timeout: false\n- action: test.a",
        [],
        id="unless it may not",
    ),
    pytest.param(
        "- action: test.broken\n  continue_on_error: true\n- action: test.a",
        [(0, "broken"), (0, "a")],
        id="an error that is passed over",
    ),
    pytest.param("- action: test.broken\n- action: test.a", [(0, "broken")], id="an error ends the run"),
    pytest.param(
        "- action: test.unheard_of\n  continue_on_error: true\n- action: test.a",
        [],
        id="an action that does not exist is a mistake in the rule and is not passed over",
    ),
    pytest.param(
        "- parallel:\n  - sequence: [{action: test.broken}]\n  - sequence: [{delay: 1}, {action: test.a}]\n"
        "- action: test.b",
        [(0, "broken"), (1, "a")],
        id="an error in a branch lets the others end",
    ),
    pytest.param("- {action: test.a, enabled: false}\n- action: test.b", [(0, "b")], id="a step switched off"),
]


def rule(actions: str, more: str = "") -> str:
    """A rule `a` that an event `go` triggers."""
    return (
        f"- id: a\n{textwrap.indent(more, '  ')}  triggers: [{{trigger: event, event_type: go}}]\n"
        f"  actions:\n{textwrap.indent(actions, '  ')}\n"
    )


@pytest.fixture
def stage(hub: HubHarness) -> Stage:
    stage = Stage(hub)
    stage.offer("test.a", "test.b", "test.c")
    stage.offer("test.broken", effect=Effect.LEVEL)
    stage.errors["test.broken"] = [HubError("the far side is down")]
    return stage


@pytest.mark.parametrize(("actions", "expected"), CASES)
async def test_steps_do_what_they_say(stage: Stage, actions: str, expected: list[tuple[float, str]]) -> None:
    await stage.start(rule(actions))
    began_s = stage.now_s()
    await stage.fire()
    await stage.advance(60)
    called = [(round(at_s - began_s, 1), action.removeprefix("test.")) for at_s, action, _ in stage.take()]
    assert called == expected
    assert await stage.rows() == 0, "a run that has ended is no longer on disk"


async def test_a_wait_that_is_armed_first_hears_what_its_own_steps_cause(stage: Stage) -> None:
    wait = (
        "- wait_for_trigger: [{trigger: event, event_type: done}]\n  timeout: 10\n"
        "  after_arming: [{event: done, event_data: {n: 7}}]\n"
        "- action: test.a\n  data: {done: '{{ wait.completed }}', n: '{{ wait.trigger.event.data.n }}'}"
    )
    await stage.start(rule(wait))
    await stage.fire()
    assert [data for _, _, data in stage.take()] == [{"done": True, "n": 7}]


async def test_the_time_limit_of_a_wait_counts_from_the_end_of_the_steps_after_arming(stage: Stage) -> None:
    wait = (
        "- wait_for_trigger: [{trigger: event, event_type: done}]\n  timeout: 10\n  after_arming: [{delay: 30}]\n"
        "- action: test.a\n  data: {done: '{{ wait.completed }}'}"
    )
    await stage.start(rule(wait))
    await stage.fire()
    await stage.advance(39)
    assert stage.take() == []
    await stage.advance(1)
    assert [data for _, _, data in stage.take()] == [{"done": False}]


async def test_variables_set_in_a_branch_are_seen_after_it_except_wait(stage: Stage) -> None:
    actions = (
        "- variables: {x: 1}\n"
        "- parallel:\n"
        "  - sequence: [{variables: {x: 2, y: 3}}, {wait_template: '{{ true }}'}]\n"
        "- action: test.a\n  data: {x: '{{ x }}', y: '{{ y }}', has_wait: '{{ wait is defined }}'}"
    )
    await stage.start(rule(actions))
    await stage.fire()
    assert [data for _, _, data in stage.take()] == [{"x": 2, "y": 3, "has_wait": False}]


async def test_a_loop_that_never_ends_is_ended_and_its_trace_says_so(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.start(rule("- repeat: {while: '{{ true }}', sequence: [{variables: {n: 1}}]}\n- action: test.a"))
    await stage.fire()
    assert stage.take() == []
    last = await stage.last()
    assert (last["outcome"], last["reason"]) == (
        "ended",
        "`while` went round 10000 times; a loop must come to its end",
    )
    assert "has gone round 5000 times; at 10000 it is ended" in caplog.text


async def test_a_template_error_is_the_steps_error_with_file_and_line(stage: Stage) -> None:
    await stage.start(rule("- action: test.a\n  data: {v: \"{{ states('sensor.gone') | float }}\"}"))
    await stage.fire()
    last = await stage.last()
    assert last["outcome"] == "failed"
    assert last["reason"].startswith("automations.yaml:5:")


async def test_every_call_has_a_key_of_run_path_and_rounds(stage: Stage) -> None:
    loop = (
        "- repeat:\n    count: 2\n    sequence:\n"
        "    - parallel: [{action: test.a}, {repeat: {count: 1, sequence: [{action: test.b}]}}]"
    )
    await stage.start(rule(loop))
    await stage.fire()
    run = (await stage.last())["run"]
    path = "actions/0/repeat/sequence/0/parallel"
    keys = [str(one.key).removeprefix(f"{run}/{path}/") for one in stage.made]
    inner = "1/sequence/0/repeat/sequence/0"
    assert keys == ["0/sequence/0#1", f"{inner}#1.1", "0/sequence/0#2", f"{inner}#2.1"]
    assert {one.actor for one in stage.made} == {"rule:a"}


async def test_while_the_store_fails_a_call_is_made_again_with_the_same_key(stage: Stage) -> None:
    stage.errors["test.broken"] = [StorageBusy("the disk is busy"), StorageBusy("the disk is busy")]
    await stage.start(rule("- action: test.broken\n- action: test.a"))
    await stage.fire()
    await stage.advance(30)
    assert stage.names() == ["broken", "broken", "broken", "a"]
