"""The list of what templates are offered is the truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.automation import templates
from hub.automation.templates.environment import FULL, LIMITED
from hub.automation.templates.refused import NAMES

README = (Path(templates.__file__).parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("heading", "offered"), [("Filters", FULL.filters), ("Functions", FULL.globals), ("Tests", FULL.tests)]
)
def test_what_is_offered_is_listed(heading: str, offered: dict[str, object]) -> None:
    listed = re.search(rf"^{heading}: (.*?)\.$", README, re.DOTALL | re.MULTILINE)
    assert listed is not None
    assert listed[1].split() == sorted(name for name in offered if name[0] not in "_=!<>")


def test_nothing_is_both_offered_and_refused() -> None:
    assert not (FULL.filters.keys() | FULL.globals.keys() | FULL.tests.keys()) & NAMES.keys()


def test_limited_templates_are_offered_a_part() -> None:
    for whole, part in (
        (FULL.filters, LIMITED.filters),
        (FULL.globals, LIMITED.globals),
        (FULL.tests, LIMITED.tests),
    ):
        assert part.keys() < whole.keys()
    assert not LIMITED.globals.keys() & {"states", "now", "area_id", "expand", "is_state"}
