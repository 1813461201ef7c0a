"""Rules for tests of the language: written as YAML into a site's folder, and read as the hub reads them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from hub.automation.language import Loaded, Rule, load_site_rules
from hub.automation.templates import Template, compile_template

RULES = "automations/r.yaml"
TRIGGERS = "  triggers: [{trigger: event, event_type: bell}]\n"
ACTIONS = "  actions: [{delay: 1}]\n"


def template(text: str, *, limited: bool = False) -> Template:
    """A compiled template, equal to that of the same text in a rule."""
    return compile_template(text, "a test", is_limited=limited)


def read(folder: Path, text: str, providers: Collection[str] = ()) -> Loaded:
    """What the hub makes of one file of rules."""
    return read_files(folder, {RULES: text}, providers)


def read_files(folder: Path, files: dict[str, str], providers: Collection[str] = ()) -> Loaded:
    """What the hub makes of the files of a site."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o600)
    return load_site_rules(folder, providers=providers)


def one(folder: Path, text: str, providers: Collection[str] = ()) -> Rule:
    """The only rule of a file without errors."""
    loaded = read(folder, text, providers)
    assert not loaded.invalid, [str(error) for invalid in loaded.invalid for error in invalid.errors]
    [rule] = loaded.rules
    return rule


def errors(loaded: Loaded) -> list[str]:
    """All error texts, in order."""
    return [str(error) for invalid in loaded.invalid for error in invalid.errors]


def indented(text: str, by: int = 4) -> str:
    """A text some columns to the right."""
    return "".join(f"{' ' * by}{line}" if line.strip() else line for line in text.splitlines(keepends=True))


def with_trigger(text: str) -> str:
    """A rule around one trigger, given as `key: value` lines."""
    return f"- id: a\n  triggers:\n    -\n{indented(text, 6)}{ACTIONS}"


def with_condition(text: str) -> str:
    """A rule around one condition."""
    return f"- id: a\n{TRIGGERS}  conditions:\n    -\n{indented(text, 6)}{ACTIONS}"


def with_step(text: str) -> str:
    """A rule around one step."""
    return f"- id: a\n{TRIGGERS}  actions:\n    -\n{indented(text, 6)}"
