"""Every Python block in the docs does what it says: it is executed, its plugins live, its tests pass."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from markdown_blocks import Block, blocks, pages

from hub.core.plugins import Plugin, PluginState
from hub.testing import HubHarness

ALL = [block for page in pages() for block in blocks(page, "python")]


def has_tests(block: Block) -> bool:
    return "\nclass Test" in block.text or "def test_" in block.text


def has_plugin(block: Block) -> bool:
    return "(Plugin):" in block.text


def cases(chosen: list[Block]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", chosen, ids=[block.where for block in chosen])


@pytest.fixture
def module(block: Block) -> Iterator[ModuleType]:
    """The block as an imported module; its tracebacks name the page and the line."""
    made = ModuleType("snippet")
    sys.modules[made.__name__] = made
    try:
        code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec", dont_inherit=True)
        exec(code, made.__dict__)
        yield made
    finally:
        del sys.modules[made.__name__]


def plugins_of(module: ModuleType) -> list[type[Plugin]]:
    return [
        made for made in vars(module).values()
        if isinstance(made, type) and issubclass(made, Plugin) and made.__module__ == module.__name__
    ]  # fmt: skip


def test_there_are_snippets_of_each_kind() -> None:
    assert len(ALL) >= 10
    assert any(has_tests(block) for block in ALL)
    assert any(has_plugin(block) for block in ALL)


@cases([block for block in ALL if not has_plugin(block) and not has_tests(block)])
def test_a_snippet_runs_and_its_assertions_hold(block: Block, module: ModuleType) -> None:
    assert "assert " in block.text or "def " in block.text, "the snippet shows nothing that could be wrong"


@cases([block for block in ALL if has_plugin(block)])
async def test_a_plugin_in_a_snippet_lives_an_hour_and_leaves_nothing(
    hub: HubHarness, block: Block, module: ModuleType
) -> None:
    found = plugins_of(module)
    assert found, "the block has a plugin, but none was found in it"
    for plugin in found:
        name = plugin.manifest.name
        started = await hub.load_plugin(plugin)
        assert started.state is PluginState.RUNNING, started.reason
        await hub.advance("1 hour")
        status = hub.hub.plugins.status(name)
        assert (status.state, status.errors, status.failures) == (PluginState.RUNNING, 0, 0), status
        await hub.unload_plugin(name)
        assert hub.kernel.supervisor.running(name) == []


@cases([block for block in ALL if has_tests(block)])
def test_the_tests_in_a_snippet_pass_for_whoever_copies_them(block: Block, tmp_path: Path) -> None:
    """In a process and folder of their own, with what is installed: the fixtures come with the package."""
    (tmp_path / "test_snippet.py").write_text(block.text)
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
