"""`docs/actions.md` lists what a running hub offers: every action of the core and of each of our plugins."""

from __future__ import annotations

from actions_page import PAGE, page
from demo_facts import demo

from hub.core.plugins import discover


def test_the_page_is_what_a_running_hub_says() -> None:
    assert PAGE.read_text() == page(demo().actions), (
        "the actions have changed; look at what changed, and run: .venv/bin/python tests/docs/actions_page.py"
    )


def test_no_plugin_of_ours_is_missing_from_the_hub_that_was_asked() -> None:
    ours = {name for name, found in discover().found.items() if found.is_ours}
    assert demo().plugins == ours
    assert {"core", "notify", "prepaid"} <= {action.owner for action in demo().actions.values()}


def test_every_action_says_what_it_does_in_a_sentence() -> None:
    for action in demo().actions.values():
        assert action.description[0].isupper(), action.name
        assert action.description.endswith("."), action.name
