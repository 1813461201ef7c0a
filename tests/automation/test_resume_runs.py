"""Runs over a restart of the hub, in order or by a crash: they end as they would have without it."""

from __future__ import annotations

import textwrap

import pytest
from engine_stage import Stage

from hub.testing.harness import HubHarness

AFTER = "\n- action: test.after"


def rule(actions: str, more: str = "", name: str = "a") -> str:
    """A rule that an event `go` triggers."""
    return (
        f"- id: {name}\n{textwrap.indent(more, '  ')}\n  triggers: [{{trigger: event, event_type: go}}]\n"
        f"  actions:\n{textwrap.indent(actions, '  ')}\n"
    )


@pytest.fixture
def stage(hub: HubHarness) -> Stage:
    stage = Stage(hub)
    stage.offer("test.before", "test.after", "test.round")
    return stage


@pytest.fixture(params=[False, True], ids=["in order", "by a crash"])
def is_crash(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_a_delay_ends_at_its_time(stage: Stage, is_crash: bool) -> None:
    await stage.start(rule("- action: test.before\n- delay: 60" + AFTER))
    began_s = stage.now_s()
    await stage.fire()
    await stage.advance(20)
    await stage.restart(10, is_crash=is_crash)
    await stage.advance(60)
    assert [(round(at_s - began_s), action) for at_s, action, _ in stage.take()] == [
        (0, "test.before"),
        (60, "test.after"),
    ]
    assert await stage.rows() == 0


async def test_a_delay_that_ended_meanwhile_goes_on_late_and_knows_it(stage: Stage, is_crash: bool) -> None:
    await stage.start(rule("- delay: 60\n- action: test.after\n  data: {late: '{{ trigger.late_s }}'}"))
    await stage.fire()
    await stage.advance(20)
    await stage.restart(100, is_crash=is_crash)
    await stage.advance(1)
    assert [data for _, _, data in stage.take()] == [{"late": pytest.approx(60, abs=1)}]


async def test_max_late_ends_a_run_that_comes_too_late(stage: Stage) -> None:
    await stage.start(rule("- delay: 60" + AFTER, "max_late: 30 s"))
    await stage.fire()
    await stage.restart(100)
    await stage.advance(60)
    assert stage.names() == []
    assert "max_late is 30 s" in (await stage.last())["reason"]


@pytest.mark.parametrize(
    ("policy", "expected", "outcome"),
    [("resume", ["after"], "finished"), ("skip", [], "cancelled")],
)
async def test_on_restart_says_whether_a_run_goes_on(
    stage: Stage, policy: str, expected: list[str], outcome: str
) -> None:
    await stage.start(rule("- delay: 60" + AFTER, f"on_restart: {policy}"))
    await stage.fire()
    await stage.restart(1)
    await stage.advance(100)
    assert stage.names() == expected
    assert (await stage.last())["outcome"] == outcome


async def test_on_restart_ask_waits_for_a_person_over_further_restarts(stage: Stage) -> None:
    await stage.start(rule("- delay: 60" + AFTER, "on_restart: ask\nmode: parallel"))
    await stage.fire()
    await stage.fire()
    await stage.restart(1)
    await stage.restart(1)
    await stage.advance(100)
    assert stage.names() == []
    first, second = stage.engine.waiting.all()
    assert (first.about, first.choices, first.name) == ("restart", ("go_on",), "a")
    stage.engine.waiting.approve(first.run_id)
    stage.engine.waiting.cancel(second.run_id, "not needed any more")
    await stage.advance(1)
    assert stage.names() == ["after"]
    assert stage.engine.waiting.all() == []
    assert await stage.rows() == 0
    assert {one["reason"] for one in await stage.engine.traces("a")} == {"", "not needed any more"}


async def test_a_loop_goes_on_in_its_round_with_the_same_keys(stage: Stage, is_crash: bool) -> None:
    loop = "- repeat: {count: 3, sequence: [{action: test.round, data: {n: '{{ repeat.index }}'}}, {delay: 10}]}"
    await stage.start(rule(loop + AFTER))
    began_s = stage.now_s()
    await stage.fire()
    await stage.advance(15)
    await stage.restart(1, is_crash=is_crash)
    await stage.advance(60)
    found = [(round(at_s - began_s), data.get("n")) for at_s, _, data in stage.take()]
    assert found == [(0, 1), (10, 2), (20, 3), (30, None)]


async def test_a_loop_over_items_keeps_them_whatever_the_states_say_later(stage: Stage) -> None:
    loop = (
        "- repeat:\n    for_each: \"{{ states('sensor.list').split(',') }}\"\n"
        "    sequence: [{action: test.round, data: {item: '{{ repeat.item }}'}}, {delay: 10}]"
    )
    await stage.set("sensor.list", "x,y")
    await stage.start(rule(loop))
    await stage.fire()
    await stage.restart(1)
    await stage.set("sensor.list", "z")
    await stage.advance(60)
    assert [data["item"] for _, _, data in stage.take()] == ["x", "y"]


async def test_branches_go_on_each_from_where_it_stood(stage: Stage, is_crash: bool) -> None:
    branches = (
        "- parallel:\n"
        "  - [{variables: {x: 5}}, {delay: 10}, {action: test.round, data: {x: '{{ x }}'}}]\n"
        "  - [{action: test.before}]\n"
        "  - [{delay: 30}, {action: test.round, data: {late: '{{ x }}'}}]"
    )
    await stage.start(rule(branches + AFTER))
    await stage.fire()
    await stage.advance(5)
    await stage.restart(1, is_crash=is_crash)
    await stage.advance(15)
    await stage.restart(1, is_crash=is_crash)
    await stage.advance(60)
    assert [(action, data) for _, action, data in stage.take()] == [
        ("test.before", {}),
        ("test.round", {"x": 5}),
        ("test.round", {"late": 5}),
        ("test.after", {}),
    ]


async def test_a_branch_that_failed_is_remembered_while_the_others_go_on(stage: Stage) -> None:
    await stage.start(rule("- parallel: [[{stop: broken, error: true}], [{delay: 10}]]" + AFTER))
    await stage.fire()
    await stage.restart(1)
    await stage.advance(60)
    assert stage.names() == []
    assert ((await stage.last())["outcome"], (await stage.last())["reason"]) == ("ended", "broken")


async def test_the_way_of_an_if_is_kept(stage: Stage) -> None:
    await stage.set("switch.a", value=True)
    steps = "- if: \"{{ is_state('switch.a', 'on') }}\"\n  then: [{delay: 10}, {action: test.round}]\n"
    await stage.start(rule(steps + "  else: [{action: test.before}]" + AFTER))
    await stage.fire()
    await stage.set("switch.a", value=False)
    await stage.restart(1)
    await stage.advance(60)
    assert stage.names() == ["round", "after"]


async def test_queued_runs_keep_their_order(stage: Stage, is_crash: bool) -> None:
    text = rule("- action: test.round\n  data: {n: '{{ trigger.event.data.n }}'}\n- delay: 10", "mode: queued")
    await stage.start(text)
    for n in (1, 2, 3):
        await stage.fire(n=n)
    await stage.restart(1, is_crash=is_crash)
    await stage.advance(60)
    assert [data["n"] for _, _, data in stage.take()] == [1, 2, 3]


async def test_a_run_that_goes_on_still_counts_for_its_mode(stage: Stage) -> None:
    await stage.start(rule("- delay: 60" + AFTER))
    await stage.fire()
    await stage.restart(1)
    await stage.fire()
    await stage.advance(100)
    assert stage.names() == ["after"], "single: the second firing was dropped"


async def test_a_run_keeps_to_the_version_that_it_began_with(stage: Stage) -> None:
    await stage.start(rule("- delay: 60" + AFTER))
    await stage.fire()
    stage.write(rule("- delay: 60\n- action: test.round"))
    await stage.restart(1)
    await stage.advance(100)
    assert stage.names() == ["after"]
    await stage.fire()
    await stage.advance(60)
    assert stage.names() == ["round"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [("remove", "its rule was removed"), ("switch off", "its rule is switched off")],
)
async def test_runs_of_a_rule_that_is_gone_or_off_end_and_are_recorded(
    stage: Stage, change: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.start(rule("- delay: 60" + AFTER))
    await stage.fire()
    text = rule("- delay: 1", name="b") if change == "remove" else rule("- delay: 60", "initial_state: false")
    stage.write(text)
    await stage.restart(1)
    await stage.advance(100)
    assert stage.names() == []
    assert await stage.rows() == 0
    traces = await stage.engine.runs.records.traces_of("rule", "a")
    assert traces[0]["reason"] == reason


async def test_a_run_of_a_rule_that_is_broken_now_goes_on(stage: Stage) -> None:
    await stage.start(rule("- delay: 60" + AFTER))
    await stage.fire()
    stage.write("- id: a\n  triggers: [{trigger: nonsense}]\n  actions: [{delay: 1}]\n")
    await stage.restart(1)
    await stage.advance(100)
    assert stage.names() == ["after"]


async def test_the_trace_of_a_resumed_run_holds_what_came_before(stage: Stage) -> None:
    await stage.start(rule("- action: test.before\n- delay: 60" + AFTER))
    await stage.fire()
    await stage.restart(1)
    await stage.advance(100)
    last = await stage.last()
    assert [step["path"] for step in last["steps"]] == ["actions/0", "actions/1", "actions/1", "actions/2"]
    assert "events from meanwhile were not heard" in last["notes"][0]
