"""A statement on paper and in a spreadsheet: every figure of it, in either language, safe with any name."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from pathlib import Path

import pytest
from books_stage import Books, at
from statement_stage import a_november, play

from plugins.prepaid.statements.page import html_of
from plugins.prepaid.statements.proof import Proven
from plugins.prepaid.statements.statement import Statement
from plugins.prepaid.statements.table import COLUMNS, csv_of
from plugins.prepaid.statements.texts import EN, ZH
from plugins.prepaid.statements.view import grouped, price_text

HOSTILE = '<script>alert(1)</script> & "Söhne" \' {{ 7 * 7 }} 面馆'
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """What a browser makes of a page: its text, its tags, and whether they close each other."""

    def __init__(self, text: str) -> None:
        """Parse a page."""
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    @property
    def text(self) -> str:
        """All that is shown."""
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action", "srcset"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """A tag closes the last that is open."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note what is shown."""
        if "style" not in self.open:
            self.words.append(data)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Proven, Statement]:
    """A sealed November of a tenant with a hostile name, and the December in which a late read corrects it."""

    async def scene(books: Books) -> tuple[Proven, Statement]:
        office = await a_november(books, hours=48)
        await books.write(lambda tx: tx.execute("UPDATE prepaid__tenants SET name = ?", (HOSTILE,)))
        await office.close("noodles", "2026-11", at("2026-12-01 08:00"))
        stall = next(iter(books.epochs))
        await office.accept(stall, at("2026-11-10 06:00"), 5 * 3_217 - 100)
        await office.seal(at("2026-12-01 09:00"))
        return await office.proven(await office.closed()), await office.look(period="2026-12")

    return play(tmp_path_factory.mktemp("pages"), scene)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_every_figure(made: tuple[Proven, Statement], language: str) -> None:
    statement, words = made[0].statement, {"en": EN, "zh": ZH}[language]
    page = Page(html_of(statement, language, made[0].proof.checkpoint))
    energy, service = statement.rated.minor["energy"], statement.rated.minor["fixed:service"]
    for figure in (energy, service, statement.due_minor, statement.flows.closing_minor):
        assert f"{figure // 100}.{figure % 100:02d}" in page.text
    assert f"{statement.rated.state.total_wh / 1000:.3f}" in page.text
    assert HOSTILE in page.text
    assert words["title"] in page.text
    assert grouped(statement.sha.hex()) in page.text
    checkpoint = made[0].proof.checkpoint
    assert checkpoint is not None
    assert f"{checkpoint.day} · {grouped(checkpoint.hash.hex())}" in page.text
    assert "−" in page.text


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(made: tuple[Proven, Statement]) -> None:
    text = html_of(made[0].statement)
    page = Page(text)
    assert page.addresses == []
    assert {"script", "link", "img", "iframe", "form"}.isdisjoint(page.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert "http:" not in text
    assert "https:" not in text
    assert "default-src 'none'" in text
    assert "size: A4" in text
    assert "{{ 7 * 7 }}" in page.text


def test_a_correction_stands_out_on_the_next_statement(made: tuple[Proven, Statement]) -> None:
    text = html_of(made[1])
    assert 'class="correction"' in text
    assert "Correction of 2026-11, closed before" in text
    assert "service 2026-11-10 to 2026-11-10" in text
    assert EN["open"] in text
    assert EN["not_sealed"] in text


def test_an_unknown_language_is_english(made: tuple[Proven, Statement]) -> None:
    assert html_of(made[0].statement, "xx") == html_of(made[0].statement, "en")


def test_both_languages_have_the_same_words() -> None:
    bands = {name for name in ZH if name.startswith("band_")}
    assert set(EN) == set(ZH) - bands
    for name, text in EN.items():
        assert text.count("{") == ZH[name].count("{"), name


def test_the_table_has_a_line_for_each_segment_component_and_posting(made: tuple[Proven, Statement]) -> None:
    statement = made[0].statement
    rows = list(csv.DictReader(io.StringIO(csv_of(statement))))
    assert list(rows[0]) == list(COLUMNS)
    kinds = [row["line"] for row in rows]
    assert kinds.count("segment") == len(statement.rated.segments)
    assert kinds.count("component") == len(statement.rated.minor)
    kwh = sum(round(1000 * float(row["kwh"])) for row in rows if row["line"] == "segment")
    assert kwh == statement.rated.state.total_wh
    moved = sum(round(100 * float(row["amount"])) for row in rows if row["line"] == "posting")
    assert moved == statement.flows.closing_minor - statement.flows.opening_minor


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    async def scene(books: Books) -> str:
        office = await a_november(books, hours=120)
        await office.top_up("noodles", 100, at("2026-11-20 00:00"))
        statement = await office.look()
        entries = statement.evidence.entries
        bad = type(entries[0])(
            **{**{name: getattr(entries[0], name) for name in type(entries[0]).__slots__}, "note": "=HYPERLINK(1)"}
        )
        evidence = type(statement.evidence)(
            statement.evidence.frame, statement.evidence.reads, statement.evidence.documents, (bad,)
        )
        return csv_of(Statement(evidence, statement.rated, statement.flows, {}, statement.document, statement.body))

    [row] = [one for one in csv.DictReader(io.StringIO(play(tmp_path, scene))) if one["note"]]
    assert row["note"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize(
    ("price_micro", "text"), [(652_300, "0.6523"), (500_000, "0.5000"), (1_234_567, "1.234567"), (0, "0.0000")]
)
def test_a_price_has_four_decimals_and_more_where_it_needs_them(price_micro: int, text: str) -> None:
    assert price_text(price_micro) == text
