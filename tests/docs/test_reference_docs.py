"""Nothing people may use is undocumented, and nothing documented is gone: hooks, facade, verbs, dependencies."""

from __future__ import annotations

import dataclasses
import inspect
import re
import tomllib
from collections.abc import Iterator

import click
import pytest
from markdown_blocks import ROOT, code_spans, prose, rows, section

from hub import hookspecs
from hub.cli import main
from hub.core.plugins import EntityHandle, Manifest, Plugin, PluginHub
from hub.testing import HubHarness, pytest_plugin

DOCS = ROOT / "docs"
AUTHORS = DOCS / "plugin-authors.md"


def hooks() -> dict[str, inspect.Signature]:
    """Every hook, by the mark that pluggy leaves on it."""
    return {name: inspect.signature(hook) for name, hook in vars(hookspecs).items() if hasattr(hook, "hub_spec")}


def test_every_hook_is_in_the_table_with_its_arguments_and_no_other() -> None:
    documented = [row[0].strip("`") for row in rows(section(AUTHORS, "Hooks"))]
    assert len(documented) >= 4
    assert documented == [f"{name}({', '.join(signature.parameters)})" for name, signature in hooks().items()]


def test_every_hook_that_any_page_names_exists() -> None:
    named = {name for page in DOCS.glob("*.md") for name in re.findall(r"\b(hub_[a-z_]+)\(", page.read_text())}
    assert named <= set(hooks())


class Probe(Plugin):
    """Keeps its facade."""

    manifest = Manifest(name="probe", version="1", description="Keeps its facade.")
    seen: PluginHub

    async def setup(self, hub: PluginHub) -> None:
        Probe.seen = hub


def public_names(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


async def test_every_public_name_of_the_facade_is_documented(hub: HubHarness) -> None:
    await hub.load_plugin(Probe)
    text = AUTHORS.read_text()
    names = public_names(Probe.seen)
    assert {"clock", "bus", "provide", "add_entities"} <= names
    assert sorted(name for name in names if not re.search(rf"\bhub\.{name}\b", text)) == []


PARTS = ("actions", "bus", "db", "holds", "journal", "outbox", "states", "timers")
FOR_THE_HOST = {"entity_moved", "lift_left", "owner", "release"}


async def test_every_method_of_the_facades_parts_is_documented(hub: HubHarness) -> None:
    """In the row of its part: `hub.timers` with `handle`, `set` and `cancel`."""
    await hub.load_plugin(Probe)
    table = {row[0].strip("`"): row[1] for row in rows(section(AUTHORS, "Everything on `hub`"))}
    for part in PARTS:
        facade = getattr(Probe.seen, part)
        methods = public_names(facade) - FOR_THE_HOST
        documented = {
            span.split("(")[0] for span in code_spans(table[f"hub.{part}"]) if not span.startswith("hub.")
        }
        assert (part, methods - documented) == (part, set())
        assert (part, documented - public_names(facade)) == (part, set())


def test_every_method_of_an_entity_is_documented() -> None:
    text = section(AUTHORS, "Everything on `hub`")
    assert sorted(name for name in public_names(EntityHandle) if not re.search(rf"\b{name}\b", text)) == []


def test_every_field_of_a_manifest_is_documented() -> None:
    spans = code_spans(section(AUTHORS, "The parts"))
    assert [field.name for field in dataclasses.fields(Manifest) if field.name not in spans] == []


def test_every_fixture_of_the_pytest_plugin_is_documented_and_no_other() -> None:
    """A fixture is what the decorator makes of a function; its class has no public name."""
    kind = type(pytest_plugin.hub)
    made_here = {name for name, made in vars(pytest_plugin).items() if isinstance(made, kind)}
    fixtures = {name for name in made_here if not name.startswith("_")}  # the others are not asked for by name
    assert {"hub", "advance", "load_plugin"} <= fixtures
    documented = {row[0].strip("`") for row in rows(section(AUTHORS, "Fixtures"))}
    assert documented == fixtures


def commands(group: click.Command, path: str = "hub") -> Iterator[tuple[str, click.Command]]:
    """Every command of the tree, groups too, with its path."""
    yield path, group
    if isinstance(group, click.Group):
        with click.Context(group) as context:
            for name in group.list_commands(context):
                found = group.get_command(context, name)
                assert found is not None
                yield from commands(found, f"{path} {name}")


COMMANDS = dict(commands(main))


@pytest.mark.parametrize("path", [path for path in COMMANDS if path != "hub"])
def test_every_verb_is_documented_with_all_its_options(path: str) -> None:
    """In a section of its own, which says what it does."""
    page = DOCS / "cli.md"
    text = next((found for level in ("", "`") if (found := section(page, f"{level}{path}{level}"))), "")
    assert text, f"{path} has no section"
    options = [option for one in COMMANDS[path].params for option in one.opts if option.startswith("--")]
    assert [option for option in options if option != "--help" and option not in text] == []


def names_of(requirements: list[str]) -> set[str]:
    return {re.split(r"[\s<>=!~;\[]", requirement)[0].lower() for requirement in requirements}


def names_in(heading: str) -> set[str]:
    """The packages in the first column of a table; one row may hold several."""
    cells = [row[0] for row in rows(section(DOCS / "dependencies.md", heading))]
    return {name.strip().lower() for cell in cells for name in cell.split(",")}


def test_the_dependencies_are_those_of_the_project_and_each_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert names_in("At run time") == names_of(project["project"]["dependencies"])
    assert names_in("For development") == names_of(project["dependency-groups"]["dev"])
    reasons = rows(prose(DOCS / "dependencies.md"))
    assert all(cell for row in reasons for cell in row), "a cell is empty"
