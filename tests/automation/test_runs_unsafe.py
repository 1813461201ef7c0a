"""Unsafe actions cut off by a crash: nobody knows whether they took effect, and the step says what then."""

from __future__ import annotations

import asyncio

import pytest
from engine_stage import Stage

from hub.automation.runtime.runs.people import WrongChoice
from hub.core.actions import Effect
from hub.core.errors import NotFound
from hub.testing.harness import HubHarness


def rule(policy: str) -> str:
    return (
        "- id: a\n  triggers: [{trigger: event, event_type: go}]\n  actions:\n"
        f"  - {{action: test.trip, on_unknown: {policy}}}\n  - action: test.after\n"
    )


@pytest.fixture
def stage(hub: HubHarness) -> Stage:
    stage = Stage(hub)
    stage.offer("test.trip", effect=Effect.UNSAFE)
    stage.offer("test.after")
    return stage


async def cut_off(stage: Stage, policy: str) -> None:
    """A crash while the trip is on its way."""
    stage.hangs["test.trip"] = asyncio.Event()
    await stage.start(rule(policy))
    await stage.fire()
    assert stage.names() == ["trip"]
    del stage.hangs["test.trip"]
    await stage.restart(1, is_crash=True)
    await stage.advance(1)


@pytest.mark.parametrize(
    ("policy", "expected"), [("repeat", ["trip", "after"]), ("skip", ["after"]), ("stop", []), ("ask", [])]
)
async def test_on_unknown_says_what_becomes_of_the_run(stage: Stage, policy: str, expected: list[str]) -> None:
    await cut_off(stage, policy)
    assert stage.names() == expected
    assert await stage.rows() == (1 if policy == "ask" else 0)
    if policy == "stop":
        assert "nobody knows" in str((await stage.last())["reason"])


@pytest.mark.parametrize(("choice", "expected"), [("repeat", ["trip", "after"]), ("skip", ["after"])])
async def test_a_person_decides(stage: Stage, choice: str, expected: list[str]) -> None:
    await cut_off(stage, "ask")
    await stage.restart(1)
    await stage.advance(1)
    assert stage.names() == [], "asked again after a further restart, not repeated"
    [waiting] = stage.engine.waiting.all()
    assert (waiting.about, waiting.path, waiting.choices) == ("unknown", "actions/0", ("repeat", "skip"))
    assert f"run {waiting.run_id} waits for a person to decide" in (await stage.engine.explain("a"))["sentences"]
    with pytest.raises(WrongChoice, match="choose one of repeat, skip"):
        stage.engine.waiting.approve(waiting.run_id)
    stage.engine.waiting.approve(waiting.run_id, choice)  # type: ignore[arg-type]
    await stage.advance(1)
    assert stage.names() == expected
    assert await stage.rows() == 0
    with pytest.raises(NotFound, match="those that do: none"):
        stage.engine.waiting.approve(waiting.run_id, "skip")


async def test_a_person_may_end_the_run(stage: Stage) -> None:
    await cut_off(stage, "ask")
    [waiting] = stage.engine.waiting.all()
    stage.engine.waiting.cancel(waiting.run_id)
    await stage.advance(1)
    assert (stage.names(), await stage.rows()) == ([], 0)
    assert (await stage.last())["reason"] == "a person ended it"


async def test_a_call_that_is_pinned_is_made_again_with_the_data_of_the_first_time(stage: Stage) -> None:
    stage.hangs["test.trip"] = asyncio.Event()
    await stage.set("sensor.a", 1)
    await stage.start(rule("repeat").replace("on_unknown", "data: {v: \"{{ states('sensor.a') }}\"}, on_unknown"))
    await stage.fire()
    del stage.hangs["test.trip"]
    await stage.set("sensor.a", 2)
    first = stage.made[0]
    await stage.restart(1, is_crash=True)
    await stage.advance(1)
    assert [(one.data, one.key) for one in stage.made[:2]] == [({"v": 1}, first.key)] * 2
