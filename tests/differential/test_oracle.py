"""The written-down answers of Home Assistant: still its answers, and ours too."""

from __future__ import annotations

from pathlib import Path

import hub_side
import pytest
from comparison import Difference, difference
from ha_peer import NOTICE, Peer, python
from oracle import Known, known

KNOWN = list(known())


def report(found: Difference | None) -> str:
    return "" if found is None else found.report()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_home_assistant_still_answers_as_written_down() -> None:
    if (executable := python()) is None:
        pytest.skip(NOTICE)
    with Peer(executable) as peer:
        for one in KNOWN:
            answer = peer.replay(one.case)
            assert answer.error is None, f"{one.case.name}: {answer.error}"
            found = difference(one.case, answer.calls, one.calls)
            assert found is None, report(found)
            assert [text.split(":")[0] for text in answer.refused] == one.refused, one.case.name


@pytest.mark.parametrize("one", KNOWN, ids=[one.case.name for one in KNOWN])
def test_our_engine_answers_as_home_assistant_does(one: Known, tmp_path: Path) -> None:
    found = difference(one.case, hub_side.replay(one.case, tmp_path), one.calls)
    assert found is None, report(found)


def test_each_known_case_has_a_name_of_its_own_and_most_make_calls() -> None:
    names = [one.case.name for one in KNOWN]
    assert len(set(names)) == len(names) >= 100
    assert sum(bool(one.calls) for one in KNOWN) >= 0.95 * len(KNOWN)
