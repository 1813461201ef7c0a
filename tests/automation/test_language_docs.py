"""Every example of the page on rules loads, and every element of the language has one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from rule_reading import ACTIONS, TRIGGERS, errors, indented, read_files

from hub.automation.language import parts_of
from hub.automation.language.model import Condition, ProviderTrigger, Step, Trigger

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"
PROVIDERS = ("webhook", "mqtt", "calendar", "sun")
_BLOCK = re.compile(r"^```yml\n# (?P<name>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """One block of the page: a file, or a fragment of a rule."""

    name: str
    line: int
    text: str

    @property
    def files(self) -> dict[str, str]:
        """The site's files that show it."""
        if self.name.endswith(".yaml"):
            return {self.name: self.text}
        lists = {"triggers": TRIGGERS, "actions": ACTIONS, "conditions": ""}
        lists[self.name] = f"  {self.name}:\n{indented(self.text)}"
        return {"automations/example.yaml": "- id: example\n" + "".join(lists.values())}


def examples() -> list[Example]:
    """All of them, in order."""
    page = PAGE.read_text()
    return [Example(m["name"], page[: m.start()].count("\n") + 1, m["text"]) for m in _BLOCK.finditer(page)]


ALL = examples()
BLUEPRINTS = {example.name: example.text for example in ALL if example.name.startswith("blueprints/")}


def test_every_block_of_the_page_is_an_example() -> None:
    assert PAGE.read_text().count("```yml\n") == len(ALL)
    assert "```yaml" not in PAGE.read_text()


@pytest.mark.parametrize("example", ALL, ids=[f"{example.line} {example.name}" for example in ALL])
def test_an_example_loads(example: Example, tmp_path: Path) -> None:
    loaded = read_files(tmp_path, {**BLUEPRINTS, **example.files}, PROVIDERS)
    assert errors(loaded) == []
    assert loaded.rules or loaded.scripts or example.name in BLUEPRINTS


def test_every_element_has_an_example(tmp_path: Path) -> None:
    shown: set[type] = set()
    providers = set()
    for number, example in enumerate(ALL):
        loaded = read_files(tmp_path / str(number), {**BLUEPRINTS, **example.files}, PROVIDERS)
        for runnable in (*loaded.rules, *loaded.scripts):
            for part in parts_of(runnable):
                shown.add(type(part))
                if isinstance(part, ProviderTrigger):
                    providers.add(part.provider)
    elements = {*Trigger.__args__, *Condition.__args__, *Step.__args__}
    assert elements - shown == set()
    assert providers == set(PROVIDERS)
