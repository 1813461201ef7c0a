"""The project's Markdown as tests see it: fenced blocks, tables, headings and links, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "hub", "plugins", "automations", "packaging")

_FENCE = re.compile(r"^(`{3,})([a-z]*)\s*$")
_HEADING = re.compile(r"^(#{1,6}) (.+?)\s*$")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    """Of its first line, from 1."""
    language: str
    text: str

    @property
    def where(self) -> str:
        """`docs/contracts.md:52`, as a test's name and in its messages."""
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that the block says it is, by a comment in its first line: `# automations/supply.yaml`."""
        found = re.match(r"# ([\w./-]+\.ya?ml)\n", self.text)
        return None if found is None else found[1]


def pages() -> list[Path]:
    """All Markdown of the project, for readers; the licences of others are not among it."""
    found = [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
    return sorted(page for page in found if not {"site-packages", "__pycache__"} & set(page.parts))


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The fenced blocks of a page, of one language or of all."""
    return [block for block in _blocks(page) if language in (None, block.language)]


def _blocks(page: Path) -> Iterator[Block]:
    fence, began, language = "", 0, ""
    lines = page.read_text().splitlines()
    for number, line in enumerate(lines, start=1):
        match = _FENCE.match(line)
        if fence:
            if match is not None and match[1] == fence:
                yield Block(page, began + 1, language, "\n".join(lines[began : number - 1]) + "\n")
                fence = ""
        elif match is not None:
            fence, language, began = match[1], match[2], number
    assert not fence, f"{page}:{began}: the block is not closed"


def prose(page: Path) -> str:
    """A page without what its fenced blocks hold; line numbers stay as they are."""
    lines = page.read_text().splitlines()
    for block in _blocks(page):
        for number in range(block.line - 1, block.line - 1 + block.text.count("\n")):
            lines[number] = ""
    return "\n".join(lines)


def code_spans(text: str) -> list[str]:
    """What stands in single back-quotes."""
    return _CODE.findall(text)


def links(page: Path) -> list[str]:
    """The targets of a page's links, outside of code."""
    return _LINK.findall(_CODE.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """What `#...` can name on a page: its headings as they are made into anchors."""
    headings = [match[2] for line in prose(page).splitlines() if (match := _HEADING.match(line))]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(page: Path, heading: str) -> str:
    """The text under a heading, up to the next one of its level; empty when there is no such heading."""
    level, taken = 0, []
    for line, outside in zip(page.read_text().splitlines(), prose(page).splitlines(), strict=True):
        match = _HEADING.match(outside)
        if level and match is not None and len(match[1]) <= level:
            break
        if level:
            taken.append(line)
        elif match is not None and match[2] == heading:
            level = len(match[1])
    return "\n".join(taken).strip()


def rows(text: str) -> list[list[str]]:
    """The cells of all tables in a text, without their head rows."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            continue
        if set(line) <= set("|-: "):
            found.pop()  # the head
            continue
        found.append([cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found
