"""Each plugin has a README that says what it is for and names its entities, actions and events, and no others."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from demo_facts import demo
from markdown_blocks import code_spans, rows, section

import hub.contracts
import hub.core
from hub.core.bus import Event
from hub.core.plugins import discover

HEADINGS = ("Configuration", "Entities", "Actions", "Events", "When things fail")
READMES = {name: Path(found.folder) / "README.md" for name, found in discover().found.items() if found.is_ours}
EACH = pytest.mark.parametrize("plugin", READMES)


def event_names() -> set[str]:
    """The events of core and contracts."""
    names: set[str] = set()
    for package in (hub.core, hub.contracts):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, made in vars(importlib.import_module(module.name)).items():
                if isinstance(made, type) and issubclass(made, Event) and not name.startswith("_"):
                    names.add(name)
    return names


def published(folder: Path) -> set[str]:
    """The events that code in a folder makes."""
    calls = [
        node.func.id
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    return set(calls) & event_names()


def first_cells(plugin: str, heading: str) -> set[str]:
    """What the tables of a section are about."""
    return {span for row in rows(section(READMES[plugin], heading)) for span in code_spans(row[0])}


@EACH
def test_a_plugin_has_a_readme_with_a_purpose_and_every_section(plugin: str) -> None:
    title, blank, purpose = READMES[plugin].read_text().splitlines()[:3]
    assert title.startswith("# ")
    assert (blank, purpose[:1].isupper()) == ("", True), "after the title comes what the plugin is for"
    assert [heading for heading in HEADINGS if not section(READMES[plugin], heading)] == []


@EACH
def test_it_names_the_plugins_actions_and_no_other(plugin: str) -> None:
    assert first_cells(plugin, "Actions") == {
        action.name for action in demo().actions.values() if action.owner == plugin
    }


@EACH
def test_it_names_the_events_that_the_plugin_publishes_and_no_other(plugin: str) -> None:
    assert first_cells(plugin, "Events") == published(READMES[plugin].parent)


@EACH
def test_it_names_the_plugins_entities_by_their_pattern_and_no_other(plugin: str) -> None:
    """`sensor.<point>_power`: what stands in angle brackets is a slug."""
    patterns = {
        pattern: re.compile(re.sub(r"<\w+>", "[a-z0-9_]+", pattern.replace(".", r"\.")))
        for pattern in first_cells(plugin, "Entities")
    }
    entities = demo().entities.get(plugin, ())
    assert [one for one in entities if not any(pattern.fullmatch(one) for pattern in patterns.values())] == []
    assert [name for name, one in patterns.items() if not any(map(one.fullmatch, entities))] == []


def test_the_search_for_events_finds_some() -> None:
    assert {"StateChanged", "ToppedUp", "MeterSilent"} <= event_names()
    assert "ToppedUp" in published(READMES["prepaid"].parent)
