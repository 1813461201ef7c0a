"""The site is on hold while any reason stands; every change is told once, in order, with its cause."""

from __future__ import annotations

import logging
from typing import cast

import pytest

from hub.core import context as contexts
from hub.core.bus import Bus
from hub.core.context import Context
from hub.core.holds import CLOCK_DOUBTFUL, STORAGE_FAILING, HoldChanged, Holds

PERSON = Context("c1", "user:ann")


class Scene:
    """Holds, and what was told of them."""

    def __init__(self) -> None:
        """Start without a reason."""
        self.bus = Bus(lambda owner, name, work: None)
        self.holds = Holds(self.bus)
        self.told: list[HoldChanged] = []
        self.bus.subscribe(HoldChanged, self.told.append, owner="test")

    @property
    def changes(self) -> list[tuple[str, str | None]]:
        """Reason and detail of each change that was told."""
        return [(event.reason, event.detail) for event in self.told]


def test_there_is_no_hold_without_a_reason() -> None:
    scene = Scene()
    assert scene.holds.is_held is False
    assert dict(scene.holds.reasons) == {}


def test_the_hold_stands_until_the_last_reason_is_gone() -> None:
    scene = Scene()
    scene.holds.place(CLOCK_DOUBTFUL, "1970")
    scene.holds.place(STORAGE_FAILING, "full")
    held = [scene.holds.is_held]
    scene.holds.lift(CLOCK_DOUBTFUL)
    held.append(scene.holds.is_held)
    scene.holds.lift(STORAGE_FAILING)
    held.append(scene.holds.is_held)
    assert held == [True, True, False]
    assert scene.changes == [
        (CLOCK_DOUBTFUL, "1970"),
        (STORAGE_FAILING, "full"),
        (CLOCK_DOUBTFUL, None),
        (STORAGE_FAILING, None),
    ]


def test_a_reason_placed_again_renews_its_detail_and_one_lift_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()
    with caplog.at_level(logging.WARNING):
        scene.holds.place("r", "first")
        scene.holds.place("r", "first")
        scene.holds.place("r", "second")
        assert dict(scene.holds.reasons) == {"r": "second"}
        scene.holds.lift("r")
        scene.holds.lift("r")
    assert scene.holds.is_held is False
    assert scene.changes == [("r", "first"), ("r", "second"), ("r", None)]
    assert caplog.messages == ["on hold: r: first", "hold lifted: r"]


def test_lifting_what_was_never_placed_changes_and_tells_nothing() -> None:
    scene = Scene()
    scene.holds.place("r", "why")
    scene.holds.lift("other")
    assert scene.holds.is_held is True
    assert scene.changes == [("r", "why")]


def test_an_empty_detail_is_a_hold_all_the_same() -> None:
    scene = Scene()
    scene.holds.place("r", "")
    assert scene.holds.is_held is True
    scene.holds.lift("r")
    assert scene.changes == [("r", ""), ("r", None)]


def test_nobody_can_change_the_reasons_from_outside() -> None:
    scene = Scene()
    scene.holds.place("r", "why")
    reasons = cast("dict[str, str]", scene.holds.reasons)
    with pytest.raises(TypeError):
        del reasons["r"]
    with pytest.raises(TypeError):
        reasons["x"] = "y"
    assert scene.holds.is_held is True


def test_listeners_may_ask_for_one_reason_only() -> None:
    scene = Scene()
    heard: list[str | None] = []
    scene.bus.subscribe(HoldChanged, lambda event: heard.append(event.detail), key=CLOCK_DOUBTFUL, owner="test")
    scene.holds.place(STORAGE_FAILING, "full")
    scene.holds.place(CLOCK_DOUBTFUL, "1970")
    scene.holds.lift(CLOCK_DOUBTFUL)
    assert heard == ["1970", None]


def test_a_listener_that_lifts_what_was_just_placed_is_heard_in_order_by_all() -> None:
    scene = Scene()
    scene.bus.subscribe(HoldChanged, lambda event: scene.holds.lift("r") if event.detail else None, owner="hasty")
    later: list[str | None] = []
    scene.bus.subscribe(HoldChanged, lambda event: later.append(event.detail), owner="later")
    scene.holds.place("r", "why")
    assert later == ["why", None]
    assert scene.holds.is_held is False


def test_a_failing_listener_does_not_keep_the_hold_from_standing() -> None:
    scene = Scene()

    def fail(event: HoldChanged) -> None:
        raise ValueError("no")

    scene.bus.subscribe(HoldChanged, fail, owner="broken")
    scene.holds.place("r", "why")
    assert scene.holds.is_held is True
    scene.holds.lift("r")
    assert scene.holds.is_held is False


def test_a_change_carries_the_context_of_who_made_it() -> None:
    scene = Scene()
    with contexts.use(PERSON):
        scene.holds.place("r", "why")
    scene.holds.lift("r")
    assert [event.context for event in scene.told] == [PERSON, contexts.SYSTEM]
