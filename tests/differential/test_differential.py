"""Random rules on random traces, in our engine and in Home Assistant's: the same calls in the same order.

Which cases: `HUB_SUITE` (quick, ci, full) and `HUB_SEED`. Which Home Assistant: `HUB_HA_PYTHON`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hub_side
import pytest
from classes import CLASSES
from generated import counted, generate
from ha_peer import NOTICE, Answer, Case, Peers, python
from side_by_side import compare
from syntax import ELEMENTS

SUITE = os.environ.get("HUB_SUITE", "quick")
SEED = int(os.environ.get("HUB_SEED", "1"))
CASES = {"quick": 40, "ci": 300, "full": 10_000}
COUNTED = {"quick": 2_000, "ci": 2_000, "full": 10_000}
PEERS = 2
_BATCH = 200


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    """Home Assistant, in a few processes."""
    if (executable := python()) is None:
        pytest.skip(NOTICE)
    with Peers(executable, PEERS) as made:
        yield made


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_our_engine_calls_what_home_assistant_calls(
    peers: Peers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = compare(_answered(peers), lambda case: hub_side.replay(case, tmp_path), peers.replay)
    with capsys.disabled():
        print(f"\n{outcome.table()}\nseed {SEED}")  # noqa: T201 - the figures are for people
    outcome.judge(len(CLASSES))


def _answered(peers: Peers) -> Iterator[tuple[Case, Answer]]:
    for first in range(0, CASES[SUITE], _BATCH):
        cases = [generate(SEED, number)[0] for number in range(first, min(first + _BATCH, CASES[SUITE]))]
        yield from zip(cases, peers.replay_all(cases), strict=True)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_home_assistant_takes_each_generated_case_and_most_do_something(peers: Peers) -> None:
    cases = [generate(SEED, number)[0] for number in range(40)]
    answers = peers.replay_all(cases)
    assert [(one.error, one.refused) for one in answers] == [(None, [])] * len(cases)
    assert sum(bool(one.calls) for one in answers) > len(cases) / 2


@pytest.mark.long
@pytest.mark.timeout(300)
def test_home_assistant_answers_the_same_case_the_same_each_time(peers: Peers) -> None:
    cases = [generate(SEED, number)[0] for number in range(20)]
    assert peers.replay_all(cases) == peers.replay_all(cases[::-1])[::-1]


@pytest.mark.timeout(300)
def test_each_element_of_the_syntax_stands_in_one_of_a_hundred_cases(capsys: pytest.CaptureFixture[str]) -> None:
    counts = counted(generate(SEED, number)[1] for number in range(COUNTED[SUITE]))
    if SUITE == "full":
        with capsys.disabled():
            print(_table(counts))  # noqa: T201 - the figures are for people
    few = {element: counts[element] for element in ELEMENTS if counts[element] < COUNTED[SUITE] // 100}
    assert few == {}
    assert set(counts) - set(ELEMENTS) == set(), "elements that the list does not name"


def _table(counts: Counter[str]) -> str:
    return "\n" + "\n".join(f"{counts[element]:6}  {element}" for element in ELEMENTS)


def test_a_case_is_the_same_each_time_it_is_generated() -> None:
    assert [generate(7, number) for number in range(20)] == [generate(7, number) for number in range(20)]
    assert generate(7, 1)[0] != generate(8, 1)[0]
