"""Every link inside the project leads somewhere, to the heading too."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_blocks import ROOT, anchors, links, pages

PAGES = {page.relative_to(ROOT).as_posix(): page for page in pages()}


def broken_links(page: Path) -> list[str]:
    """The relative links of a page that lead nowhere."""
    broken = []
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    assert broken_links(PAGES[page]) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One heading: `code`, and more\n\n```sh\n# no heading\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](gone.md) [c](other.md#one-heading-code-and-more) [d](other.md#no-heading)\n"
        "[e](https://example.org/gone) `[f](code.md)` [g](#nowhere)\n"
    )
    assert broken_links(page) == ["gone.md", "other.md#no-heading", "#nowhere"]
