"""The engine as a whole: loading, switching, reloading all or nothing, and the entities of rules."""

from __future__ import annotations

import textwrap

import pytest
from engine_stage import Stage

from hub.core.config import ConfigErrors
from hub.core.errors import NotFound
from hub.core.states import BAD
from hub.testing.harness import HubHarness

GO = "triggers: [{trigger: event, event_type: go}]"


def rule(name: str, actions: str, more: str = "") -> str:
    """A rule that an event `go` triggers."""
    return f"- id: {name}\n  {GO}\n{textwrap.indent(more, '  ')}\n  actions: [{actions}]\n"


ONE, TWO, THREE = ("{action: test.one}", "{action: test.two}", "{action: test.three}")
BROKEN = "- id: broken\n  triggers: [{trigger: numeric_state, entity_id: sensor.a}]\n  actions: [{delay: 1}]\n"


@pytest.fixture
def stage(hub: HubHarness) -> Stage:
    stage = Stage(hub)
    stage.offer("test.one", "test.two", "test.three")
    return stage


async def test_a_broken_rule_stops_no_other_and_is_shown_with_its_place(stage: Stage) -> None:
    await stage.start(BROKEN + rule("a", ONE))
    await stage.fire()
    assert stage.names() == ["one"]
    state = stage.hub.kernel.states.get("automation.broken")
    assert state is not None
    assert state.quality is BAD
    assert str(state.attributes["error"]).startswith("automations.yaml:2:14: rule 'broken'")


@pytest.mark.parametrize("broken", [BROKEN, "- id: a\n  nonsense: 1\n"], ids=["one rule", "another key"])
async def test_a_reload_with_any_error_changes_nothing_and_says_all(stage: Stage, broken: str) -> None:
    await stage.start(rule("a", ONE))
    stage.write(rule("a", TWO) + rule("b", THREE) + broken + BROKEN.replace("broken", "worse"))
    with pytest.raises(ConfigErrors) as caught:
        await stage.engine.reload()
    assert len({error.mark and error.mark.line for error in caught.value.errors}) >= 2
    await stage.fire()
    assert stage.names() == ["one"]


async def test_a_rule_that_cannot_be_attached_puts_a_reload_back(stage: Stage) -> None:
    await stage.start(rule("a", ONE) + rule("gone", TWO))
    wrong = rule("b", THREE).replace("event_type: go", "event_type: '{{ 1 / 0 }}'")
    stage.write(rule("a", THREE) + wrong)
    with pytest.raises(ConfigErrors, match="rule b"):
        await stage.engine.reload()
    await stage.fire()
    assert sorted(stage.names()) == ["one", "two"]
    assert [one.id for one in stage.engine.rules] == ["a", "gone"]


async def test_a_reload_leaves_runs_with_their_version_and_ends_those_of_removed_rules(stage: Stage) -> None:
    wait = "{delay: 60}, "
    await stage.start(rule("same", wait + ONE) + rule("changed", wait + ONE) + rule("removed", wait + ONE))
    await stage.fire()
    stage.write(rule("same", wait + ONE) + rule("changed", wait + TWO) + rule("added", THREE))
    reloaded = await stage.engine.reload()
    assert (reloaded.added, reloaded.changed, reloaded.removed) == (("added",), ("changed",), ("removed",))
    await stage.advance(60)
    assert stage.names() == ["one", "one"]
    await stage.fire()
    await stage.advance(60)
    assert stage.names() == ["three", "one", "two"]
    assert stage.hub.kernel.states.get("automation.removed") is None


async def test_a_rule_that_is_switched_off_does_not_run_and_stays_so(stage: Stage) -> None:
    await stage.start(rule("a", "{delay: 60}, " + ONE) + rule("b", TWO))
    await stage.fire()
    await stage.engine.turn_off("a")
    await stage.advance(60)
    assert stage.names() == ["two"], "its run has ended"
    await stage.restart(1)
    await stage.fire()
    await stage.advance(60)
    assert stage.names() == ["two"]
    await stage.engine.turn_on("a")
    await stage.fire()
    await stage.advance(60)
    assert sorted(stage.names()) == ["one", "two"]


async def test_a_rule_may_be_switched_off_without_ending_its_runs(stage: Stage) -> None:
    await stage.start(rule("a", "{delay: 60}, " + ONE))
    await stage.fire()
    await stage.engine.turn_off("a", ends_runs=False)
    await stage.advance(60)
    assert stage.names() == ["one"]


async def test_a_rule_that_switches_itself_off_ends_there(stage: Stage) -> None:
    off = "{action: automation.turn_off, target: {entity_id: automation.a}}, "
    await stage.start(rule("a", ONE + ", " + off + TWO))
    await stage.fire()
    await stage.fire()
    assert stage.names() == ["one"]
    await stage.restart(1)
    assert not stage.engine.is_on("a")


async def test_rules_are_entities_with_their_counts(stage: Stage) -> None:
    refuse = "conditions: '{{ trigger.event.data.n == 1 }}'"
    await stage.start(rule("a", "{delay: 5}, {action: test.gone}", f"alias: Low balance\n{refuse}"))
    for n in (1, 2, 1):
        await stage.fire(n=n)
    await stage.advance(1)
    state = stage.hub.kernel.states.get("automation.low_balance")
    assert state is not None
    assert (state.value, state.attributes["current"], state.attributes["refused"]) == (True, 1, 1)
    assert state.attributes["dropped"] == 1
    await stage.advance(10)
    await stage.restart(1)
    await stage.advance(1)
    state = stage.hub.kernel.states.get("automation.low_balance")
    assert state is not None
    counts = {name: state.attributes[name] for name in ("runs", "errors", "refused", "dropped", "current")}
    assert counts == {"runs": 1, "errors": 1, "refused": 1, "dropped": 1, "current": 0}
    assert state.attributes["last_triggered"] is not None
    assert "there is no action 'test.gone'" in str(state.attributes["last_error"])


async def test_templates_see_this_and_context(stage: Stage) -> None:
    data = "{who: '{{ this.entity_id }}', mode: '{{ this.attributes.mode }}', run: '{{ context.id }}'}"
    await stage.start(rule("a", "{delay: 1}, {action: test.one, data: " + data + "}"))
    await stage.fire()
    await stage.restart(1)
    await stage.advance(2)
    [(_, _, seen)] = stage.take()
    assert seen == {"who": "automation.a", "mode": "single", "run": (await stage.last())["run"]}


async def test_other_rules_may_wait_for_automation_triggered(stage: Stage) -> None:
    follow = rule("b", "{action: test.two, data: {who: '{{ trigger.event.data.entity_id }}'}}")
    await stage.start(rule("a", ONE) + follow.replace("event_type: go", "event_type: automation_triggered"))
    await stage.fire()
    assert sorted((action, data) for _, action, data in stage.take()) == [
        ("test.one", {}),
        ("test.two", {"who": "automation.a"}),
    ]


async def test_a_person_can_run_a_rule_whatever_its_triggers_and_conditions_say(stage: Stage) -> None:
    await stage.start(rule("a", ONE, "conditions: '{{ false }}'\ninitial_state: false"))
    await stage.hub.call("automation.trigger", {"entity_id": "automation.a"})
    await stage.settle()
    assert stage.names() == ["one"]
    await stage.hub.call("automation.trigger", {"id": ["a"], "skip_condition": False})
    await stage.settle()
    assert stage.names() == []


async def test_an_unknown_rule_is_named_with_a_close_one(stage: Stage) -> None:
    await stage.start(rule("low_balance", ONE))
    with pytest.raises(NotFound, match="Did you mean 'low_balance'"):
        await stage.engine.turn_off("low_balence")
    with pytest.raises(NotFound, match=r"Did you mean 'automation\.low_balance'"):
        await stage.hub.call("automation.turn_off", {"entity_id": "automation.low_balanse"})


async def test_scripts_are_actions_for_everybody_and_a_key_runs_them_once(stage: Stage) -> None:
    script = "work:\n  fields: {n: {required: true}}\n  sequence:\n  - delay: 5\n  - action: test.one\n"
    script += "    data: {n: '{{ n }}'}\n  - variables: {r: {n: '{{ n }}'}}\n  - {stop: '', response_variable: r}\n"
    await stage.start(rule("a", TWO), script)
    assert await stage.hub.call("script.work", {"n": 3}, key="k") == {"n": 3}
    assert await stage.hub.call("script.work", {"n": 3}, key="k") == {"n": 3}
    assert [data for _, _, data in stage.take()] == [{"n": 3}]
    stage.write(rule("a", TWO))
    await stage.hub.call("automation.reload")
    with pytest.raises(NotFound):
        await stage.hub.call("script.work", {"n": 3})
