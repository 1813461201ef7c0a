"""The pages about tariffs: every tariff on them loads, every command prints what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from rated import HEAD

from plugins.prepaid.commands.tariff import tariff
from plugins.prepaid.tariffs import tariff_from_text

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / name for name in ("tariffs.md", "accountants-bench.md")]
PART = "# part of a tariff\n"
_BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TARIFFS = [text for page in PAGES for kind, text in _BLOCK.findall(page.read_text()) if kind == "yaml"]
COMMANDS = [text for page in PAGES for kind, text in _BLOCK.findall(page.read_text()) if kind == "console"]


@pytest.mark.parametrize("text", TARIFFS)
def test_a_tariff_on_the_page_is_right(text: str) -> None:
    if text.startswith(PART):
        energy = "" if "\nenergy:" in text else "energy: {price: 1}\n"
        text = f"{HEAD}time_zone: Asia/Shanghai\n{energy}{text}"
    assert tariff_from_text(text).energy.ladders


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_on_the_page_prints_what_it_shows(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    line, _, shown = text.partition("\n")
    words = shlex.split(line.removeprefix("$ hub tariff "))
    done = CliRunner().invoke(tariff, words)
    assert done.exit_code == 0, done.output
    assert shown in ("", done.output)


def test_the_pages_show_something() -> None:
    assert len(TARIFFS) >= 8
    assert sum("\n" in text.strip() for text in COMMANDS) >= 2


def test_every_key_of_the_language_is_on_the_page() -> None:
    source = (ROOT / "plugins" / "prepaid" / "tariffs").glob("*.py")
    reads = re.compile(r'(?:has|child|number_at|word_at)\("([a-z_]+)"')
    keys = {key for file in source for key in reads.findall(file.read_text())}
    page = PAGES[0].read_text()
    assert len(keys) > 25
    assert sorted(key for key in keys if key not in page) == []
