"""Each class of differences explains what it is for, and nothing that only looks like it."""

from __future__ import annotations

from typing import Any

import pytest
from classes import CLASSES
from comparison import Call, difference
from ha_peer import Case


def call(t: float, name: str, rule: str = "a", **data: Any) -> Call:
    """A call of a rule."""
    return {"t": t, "rule": rule, "action": f"test.{name}", "data": data}


def case(mode: str = "single", **more: Any) -> Case:
    """A case with two rules of a mode; the first shows how long a wait had left."""
    rules = "\n".join(f"- {{id: {name}, mode: {mode}, alias: wait.remaining}}" for name in "ab")
    return Case(**{"rules": rules, "trace": ({"t": 5, "restart": 1},), **more})


ONE, TWO = call(1, "one"), call(1, "two")
OTHER = call(1, "one", "b")
Row = tuple[str, Case, list[Call], list[Call]]
EXPLAINED: dict[str, Row] = {
    "two rules": ("rules of one instant take turns differently", case(), [ONE, OTHER], [OTHER, ONE]),
    "two runs": ("runs of one rule take turns differently", case("parallel"), [ONE, TWO], [TWO, ONE]),
    "a run that went on": ("a run that is restarted while it goes on", case("restart"), [TWO], [ONE, TWO]),
    "a stop": ("a run that is cut off by the stop", case(), [ONE, call(5, "x")], [ONE, call(5, "x"), call(5, "y")]),
    "a last digit": (
        "the last digit of the time that is left", case(), [call(1, "one", x=4.92)], [call(1, "one", x=4.921)],
    ),
}  # fmt: skip
NOT_EXPLAINED: dict[str, Row] = {
    "calls of one rule in another order": ("", case(), [ONE, TWO], [TWO, ONE]),
    "a call that is missing": ("", case("parallel"), [ONE], [ONE, TWO]),
    "a call too many": ("", case("restart"), [ONE, TWO], [TWO]),
    "a call that is missing where nothing happened": ("", case("restart"), [ONE], [ONE, call(3, "late")]),
    "a call after the stop that is missing": ("", case(), [ONE], [ONE, call(6, "x")]),
    "a call at the stop that nobody else made": ("", case(), [ONE, call(5, "x")], [ONE]),
    "another number": ("", case(), [call(1, "one", x=4.92)], [call(1, "one", x=4.93)]),
    "another text": ("", case(), [call(1, "one", x="4.92")], [call(1, "one", x="4.921")]),
}


def explained(row: Row) -> list[str]:
    """The classes that explain a difference."""
    _, of, ours, theirs = row
    found = difference(of, ours, theirs)
    assert found is not None
    return [one.name for one in CLASSES if one.explains(found)]


@pytest.mark.parametrize("row", EXPLAINED.values(), ids=EXPLAINED)
def test_a_class_explains_its_difference(row: Row) -> None:
    assert row[0] in explained(row)


@pytest.mark.parametrize("row", NOT_EXPLAINED.values(), ids=NOT_EXPLAINED)
def test_no_class_explains(row: Row) -> None:
    assert explained(row) == []


def test_each_class_is_shown() -> None:
    assert {row[0] for row in EXPLAINED.values()} == {one.name for one in CLASSES}
