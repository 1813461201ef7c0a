"""Every template of a table gives what Home Assistant 2025.4.4 gave: text, value, truth, and what was read."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from template_expressions import LINES, STATES, VARIABLES
from template_world import TinyWorld

from hub.automation.templates import TemplateError, as_truth, compile_template
from hub.core.config import ConfigErrors

ANSWERS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "template_answers.json").read_text())
DIFFERENT = {"{{ '...' }}": "'...'"}  # there three dots become Python's Ellipsis, here they stay text


@pytest.fixture(scope="module")
def world() -> TinyWorld:
    """The states of the table."""
    made = TinyWorld()
    for entity_id, (text, attributes, changed) in STATES.items():
        made.put_text(entity_id, text, datetime.fromisoformat(changed), attributes)
    return made


def test_the_table_is_the_one_that_home_assistant_answered() -> None:
    assert [answer["template"] for answer in ANSWERS] == LINES
    assert len(ANSWERS) >= 300


@pytest.mark.parametrize("answer", ANSWERS, ids=[answer["template"][:80] for answer in ANSWERS])
def test_a_template_gives_what_home_assistant_gives(answer: dict[str, Any], world: TinyWorld) -> None:
    try:
        found = compile_template(answer["template"], "the table").look(world, VARIABLES)
        assert ("error" in answer) == (found.error is not None), (found.error, answer)
    except ConfigErrors:
        assert "error" in answer
        return
    if found.error is not None:
        assert isinstance(found.error, TemplateError)
        return
    assert found.text == answer["text"]
    assert repr(found.value) == DIFFERENT.get(answer["template"], answer["value"])
    assert as_truth(found.value) == answer["truth"]
    reads = answer["reads"]
    # There `|list` also counts the domain that it walks, which says nothing new.
    reads["counts"] = [domain for domain in reads["counts"] if domain not in reads["domains"]]
    assert {
        "entities": sorted(found.entities),
        "domains": sorted(found.domains),
        "counts": sorted(found.domain_counts - found.domains),
        "all": found.all_states,
        "all_counts": found.all_counts,
        "time": found.uses_time,
    } == reads
