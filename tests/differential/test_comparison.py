"""The comparison of two engines can fail, excuses only what it should, and finds the smallest case."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import yaml
from classes import CLASSES, CLASSES_MAX, explanation
from comparison import Call, difference
from ha_peer import Answer, Case
from oracle import known
from shrinking import shrunk
from side_by_side import Outcome, compare

CASE = Case(name="a case", rules="[]", trace=())


def call(t: float, rule: str, action: str, **data: Any) -> Call:
    return {"t": t, "rule": rule, "action": action, "data": data}


TWO_RULES = [
    call(1.0, "a", "x.one", v=1),
    call(1.0, "b", "x.two"),
    call(1.0, "a", "x.three"),
    call(2.0, "a", "x.four"),
]


@pytest.mark.parametrize(
    ("ours", "is_excused"),
    [
        pytest.param([call(1.002, "a", "x.one", v=1), *TWO_RULES[1:]], False, id="two milliseconds late"),
        pytest.param(TWO_RULES[:-1], False, id="a call is missing"),
        pytest.param([*TWO_RULES, call(3.0, "a", "x.five")], False, id="a call too many"),
        pytest.param([call(1.0, "a", "x.one", v=True), *TWO_RULES[1:]], False, id="true for 1"),
        pytest.param([call(1.0, "a", "x.one", v="1"), *TWO_RULES[1:]], False, id="a text for a number"),
        pytest.param([call(1.0, "a", "x.one", v=1, w=2), *TWO_RULES[1:]], False, id="data too many"),
        pytest.param([call(1.0, "b", "x.one", v=1), *TWO_RULES[1:]], False, id="another rule"),
        pytest.param([TWO_RULES[2], TWO_RULES[1], TWO_RULES[0], TWO_RULES[3]], False, id="a rule out of order"),
        pytest.param([TWO_RULES[0], TWO_RULES[2], TWO_RULES[1], TWO_RULES[3]], True, id="rules take turns"),
        pytest.param([TWO_RULES[0], TWO_RULES[3], *TWO_RULES[1:3]], False, id="a later instant first"),
    ],
)
def test_what_differs_is_found_and_only_what_is_meant_is_excused(ours: list[Call], is_excused: bool) -> None:
    found = difference(CASE, ours, TWO_RULES)
    assert found is not None
    assert (explanation(found) is not None) is is_excused


def test_the_same_calls_within_a_millisecond_do_not_differ() -> None:
    assert difference(CASE, [{**one, "t": one["t"] + 0.0009} for one in TWO_RULES], TWO_RULES) is None


def test_there_are_few_classes_and_each_has_a_name_and_a_reason() -> None:
    assert len(CLASSES) <= CLASSES_MAX
    assert len({one.name for one in CLASSES}) == len(CLASSES)
    assert all(one.reason.strip() for one in CLASSES)


RULES = """
- id: other
  triggers: [{trigger: event, event_type: go}]
  actions: [{action: x.other}]
- id: broken
  mode: queued
  variables: {a: 1}
  triggers: [{trigger: event, event_type: go}, {trigger: state, entity_id: sensor.a}]
  conditions: [{condition: state, entity_id: sensor.a, state: "5"}]
  actions: [{action: x.one}, {if: "{{ true }}", then: [{delay: 5}, {action: x.bad, data: {v: 1, w: 2}}]}]
"""
LINES: tuple[dict[str, Any], ...] = (
    {"t": 0, "entity_id": "sensor.a", "state": 5},
    *({"t": number, "event": "other"} for number in range(1, 30)),
    {"t": 30, "event": "go"},
    {"t": 31, "event": "other"},
)


def test_a_case_that_differs_is_made_as_small_as_it_goes() -> None:
    go = {"t": 30, "event": "go"}

    def fails(case: Case) -> bool:
        return "x.bad" in case.rules and "event_type: go" in case.rules and go in case.trace

    small = shrunk(Case(rules=RULES, trace=LINES), fails)
    assert small.trace == (go,)
    assert yaml.safe_load(small.rules) == [
        {"id": "broken", "triggers": [{"event_type": "go"}], "actions": [{"action": "x.bad"}]}
    ]


def test_making_smaller_ends_after_a_number_of_tries() -> None:
    tried: list[Case] = []

    def fails(case: Case) -> bool:
        tried.append(case)
        return True

    shrunk(Case(rules=RULES, trace=LINES), fails, tries=7)
    assert len(tried) == 7


def engines(broken: str | None) -> Outcome:
    """The known cases against themselves, with one engine wrong wherever it makes this call."""
    answers = {one.case.rules + repr(one.case.trace): one.calls for one in known() if not one.refused}
    cases = [one.case for one in known() if not one.refused]

    def theirs(case: Case) -> Answer:
        return Answer(answers.get(case.rules + repr(case.trace), []), [])

    def ours(case: Case) -> list[Call]:
        return [one for one in theirs(case).calls if one["action"] != broken]

    return compare([(case, theirs(case)) for case in cases], ours, theirs)


def test_engines_that_agree_pass() -> None:
    outcome = engines(None)
    assert outcome.cases > 100
    assert outcome.excused == Counter()
    outcome.judge(len(CLASSES))


def test_an_engine_that_loses_a_call_is_caught_with_the_case_named() -> None:
    outcome = engines("test.heard")
    assert len(outcome.unexplained) == 2
    with pytest.raises(AssertionError, match=r"--- event_time_start: an event that one rule fires .*made smaller"):
        outcome.judge(len(CLASSES))


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        pytest.param(Outcome(cases=100, excused=Counter({"some": 4})), r"4\.0% excused", id="too much is excused"),
        pytest.param(Outcome(cases=100), "11 classes; 10 at most", id="too many classes"),
    ],
)
def test_excuses_are_limited(outcome: Outcome, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        outcome.judge(11 if "classes" in message else 1)


def test_an_engine_that_raises_is_a_difference() -> None:
    def ours(_: Case) -> list[Call]:
        raise ValueError("no such thing")

    outcome = compare([(CASE, Answer([], []))], ours, lambda _: Answer([], []))
    assert "no such thing" in outcome.unexplained[0]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(Answer([], [], "TooLong"), "did not answer: TooLong", id="no answer"),
        pytest.param(Answer([], ["a: bad"]), r"refused \['a: bad'\]", id="a rule refused"),
    ],
)
def test_a_case_that_home_assistant_cannot_take_is_a_mistake_of_the_generator(answer: Answer, message: str) -> None:
    outcome = compare([(CASE, answer)], lambda _: [], lambda _: answer)
    with pytest.raises(AssertionError, match=message):
        outcome.judge(len(CLASSES))
