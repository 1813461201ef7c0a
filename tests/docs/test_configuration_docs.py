"""The configuration page tells what the code does: every key, every default, values, durations and limits."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from markdown_blocks import ROOT, rows, section
from schema_words import keys

from hub.automation import rules
from hub.core.config import document, load, loader, source
from hub.core.config.duration import duration_from
from hub.core.config.secret_store import SecretStore
from hub.core.plugins import discover
from hub.core.site import SCHEMA

PAGE = ROOT / "docs" / "configuration.md"
PLUGINS = {name: found for name, found in discover().found.items() if found.is_ours}
KINDS = {str: "text", int: "whole number", Decimal: "exact number", bool: "true or false", type(None): "nothing"}


def readme(plugin: str) -> Path:
    """A plugin's README lies beside its code."""
    return Path(PLUGINS[plugin].folder) / "README.md"


def schema_rows(schema: object) -> dict[str, list[str]]:
    """Key -> default and kind, as a table about the schema has to say; what All and Any repeat counts once."""
    found: dict[str, list[str]] = {}
    for key in keys(schema):
        found.setdefault(key.path, [key.need, key.kind])
    return found


def documented_rows(text: str) -> dict[str, list[str]]:
    """The same, from a table whose first column holds keys; the last one says what each is for."""
    found = {}
    for key, *told, purpose in rows(text):
        if key.startswith("`") and len(told) == 2:
            assert purpose, f"{key} has no purpose"
            found[key.strip("`")] = told
    return found


def test_every_key_of_hub_yaml_is_documented_as_it_is_and_no_other() -> None:
    documented = documented_rows(section(PAGE, "hub.yaml"))
    assert len(documented) >= 8
    assert documented == schema_rows(SCHEMA)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_key_of_a_plugin_is_documented_as_it_is_and_no_other(plugin: str) -> None:
    manifest = PLUGINS[plugin].plugin.manifest
    documented = documented_rows(section(readme(plugin), "Configuration"))
    assert documented == schema_rows(dict(manifest.config or {}))


def test_every_key_of_a_rule_is_documented_as_it_is_and_no_other() -> None:
    documented = documented_rows(section(readme("automation"), "Rules"))
    assert "triggers[].entity_id" in documented
    assert documented == schema_rows(rules.SCHEMA)


def test_every_plugin_is_linked_from_the_page() -> None:
    for plugin in PLUGINS:
        link = Path("..", readme(plugin).relative_to(ROOT)).as_posix()
        assert f"]({link})" in PAGE.read_text(), plugin


def loaded(text: str, folder: Path) -> object:
    (folder / "value.yaml").write_text(f"value: {text}\n")
    value = load(folder / "value.yaml").value
    assert isinstance(value, dict)
    return value["value"]


def cells(heading: str) -> list[list[str]]:
    found = [[cell.strip("`") for cell in row] for row in rows(section(PAGE, heading))]
    assert len(found) >= 7
    return found


@pytest.mark.parametrize(("written", "kind"), cells("Values"))
def test_a_value_is_what_the_page_says(written: str, kind: str, tmp_path: Path) -> None:
    assert KINDS[type(loaded(written, tmp_path))] == kind


@pytest.mark.parametrize(("written", "means"), cells("Durations"))
def test_a_duration_means_what_the_page_says(written: str, means: str, tmp_path: Path) -> None:
    seconds = float(means.removesuffix(" s"))
    assert duration_from(loaded(written, tmp_path)) == timedelta(seconds=seconds)


def test_the_limits_are_those_of_the_code() -> None:
    told = [int(limit.split()[0].replace(",", "")) for _, limit in cells("What is refused for its size")]
    assert told == [
        source.FILE_BYTES_MAX, loader.TOTAL_BYTES_MAX, loader.FILES_MAX, loader.INCLUDE_LEVELS_MAX,
        document.DEPTH_MAX, document.NODES_MAX, document.ALIASES_MAX,
    ]  # fmt: skip


def test_the_tags_are_those_of_the_code() -> None:
    text = PAGE.read_text()
    tags = loader._Loading(ROOT, SecretStore(ROOT / "no-such-file")).names
    assert "!include_dir_named" in tags
    assert [tag for tag in tags if f"`{tag} " not in text] == []
