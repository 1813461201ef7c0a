"""Every YAML block in the docs is right: rules parse and fit the actions they call, a hub.yaml fits its plugins."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo_facts import demo
from markdown_blocks import Block, blocks, pages

from hub.automation.rules import FOLDER, load_rules
from hub.contracts.profiles import load_profile
from hub.core.config import ConfigDict, ConfigErrors, ConfigList, Loaded, load
from hub.core.config.secret_store import SECRETS_FILE
from hub.core.plugins import check_section, discover
from hub.core.site import FILE, load_site, sections_of

ALL = [block for page in pages() for block in blocks(page, "yaml")]
TARIFF, PART_OF_TARIFF = "tariff: ", "# part of a tariff"
PROFILE, PART_OF_PROFILE = "profile: ", "# part of a profile"
SITE = "site: {name: Docs, time_zone: Asia/Shanghai}\n"


def write_page(block: Block, folder: Path) -> Path:
    """The block's file in a folder, beside the other files that its page shows: what they include is there."""
    shown = [other for other in blocks(block.page, "yaml") if other.file is not None and other != block]
    for other in [*shown, block]:
        file = folder / place_of(other)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(other.text)
        file.chmod(0o600)
    return folder / place_of(block)


def place_of(block: Block) -> str:
    """The block's path in a site's folder: what its first line says, or what it looks like."""
    if block.file is None:
        return FILE if "plugins:" in block.text else f"{FOLDER}/rules.yaml"
    return FILE if Path(block.file).name == FILE else block.file


def check(block: Block, folder: Path) -> None:
    """Raise with everything that is wrong in a block."""
    if block.text.startswith((TARIFF, PART_OF_TARIFF)):
        return  # tests/prepaid/test_tariff_docs.py loads these
    if block.text.startswith((PROFILE, PART_OF_PROFILE)):
        check_profile(block, folder)
        return
    file = write_page(block, folder)
    if file.name == SECRETS_FILE:
        assert (folder / FILE).is_file(), "the page shows secrets and nothing that uses them"
        load_site(folder)
        return
    if file.name == FILE:
        written = load(file, root=folder).value
        if isinstance(written, ConfigDict) and "site" not in written:
            file.write_text(SITE + block.text)
        load_site(folder)
        check_sections(load(file, root=folder))
    elif file.parent.name == FOLDER:
        check_rules(folder)
    else:
        check_included(file, folder)


def check_profile(block: Block, folder: Path) -> None:
    """A whole device profile loads as the hub would load it; a part of one is at least YAML."""
    name = block.text.removeprefix(PROFILE).split("\n", 1)[0].strip() if block.text.startswith(PROFILE) else "part"
    file = folder / f"{name}.yaml"
    file.write_text(block.text)
    if block.text.startswith(PROFILE):
        assert load_profile(file).points
    else:
        assert isinstance(load(file, root=folder).value, ConfigDict)


def check_sections(loaded: Loaded) -> None:
    """Each section of a plugin that there is fits its schema; the others belong to plugins of readers."""
    assert isinstance(loaded.value, ConfigDict)
    found = discover().found
    for name, section in sections_of(loaded.value.get("plugins")).items():
        if name in found:
            check_section(found[name].plugin.manifest, section)


def check_rules(folder: Path) -> None:
    """The rules parse, and what they do can be done, with such data."""
    rules = load_rules(folder)
    assert rules
    for rule in rules:
        for step in rule.steps:
            action = demo().actions.get(step.action)
            assert action is not None, f"rule {rule.id}: there is no action {step.action!r}"
            if action.validate is not None:
                action.validate(dict(step.data))


def check_included(file: Path, folder: Path) -> None:
    """A part of a configuration is one that the page's hub.yaml takes in."""
    assert isinstance(load(file, root=folder).value, ConfigDict | ConfigList)
    assert (folder / FILE).is_file(), (
        f"nobody knows what {file.name} is: name it in the first line, or show hub.yaml"
    )
    assert file.resolve() in load(folder / FILE, root=folder).files


@pytest.mark.parametrize("block", ALL, ids=[block.where for block in ALL])
def test_a_yaml_block_is_right(block: Block, tmp_path: Path) -> None:
    check(block, tmp_path)


WRONG = {
    "a key that no rule has": ("- id: a\n  trigers: []\n  actions: []\n", ConfigErrors, "trigers"),
    "a key that hub.yaml does not have": (f"{SITE}plugin: {{}}\nplugins: {{}}\n", ConfigErrors, "plugin"),
    "a key that a plugin does not have": ("plugins:\n  prepaid: {price: 1}\n", ConfigErrors, "price"),
    "an action that does not exist": (
        (
            "- id: a\n  triggers: [{trigger: numeric_state, entity_id: sensor.a_b, below: 1}]\n"
            "  actions: [{action: supply.reconnect}]\n"
        ),
        AssertionError,
        "supply.reconnect",
    ),
    "a part that nothing includes": ("# rooms.yaml\n- 1\n", AssertionError, "rooms.yaml"),
}


@pytest.mark.parametrize(("text", "kind", "named"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_block_is_refused(text: str, kind: type[Exception], named: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```yaml\n{text}```\n")
    [block] = blocks(page)
    with pytest.raises(kind, match=named):
        check(block, tmp_path / "site")
