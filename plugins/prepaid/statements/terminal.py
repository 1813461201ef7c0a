"""A statement in a terminal: the same lines as on paper, in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from unicodedata import east_asian_width

from plugins.prepaid.statements.statement import Statement
from plugins.prepaid.statements.texts import EN, LANGUAGES
from plugins.prepaid.statements.view import View


def text_of(statement: Statement, language: str = "en") -> str:
    """The statement as text."""
    words = LANGUAGES.get(language, EN)
    return "\n".join(_lines(View(statement, words))) + "\n"


def _lines(view: View) -> Iterator[str]:
    frame, words = view.frame, view.words
    state = words["open"] if frame.closed_us is None else f"{words['closed']} {view.minute(frame.closed_us)}"
    yield f"{frame.site}  {words['title']}  {_one_line(frame.tenant)}"
    yield f"{frame.contract} ({frame.account})  {view.period_text}  {frame.tariff}  [{state}]"
    yield ""
    yield from _table([(row.band, row.season, row.block, row.kwh, row.price, row.amount) for row in view.energy], 3)
    yield ""
    yield from _table([*view.charges, (words["due"], f"{view.due} {frame.currency}"), *view.included], 1)
    yield ""
    yield from _table([(row.date, row.what, _one_line(row.about), row.amount) for row in view.flows], 3)
    yield ""
    yield from _table(view.summary, 1)
    yield f"{words['hash']}: {view.hash_text}"


def _table(rows: Sequence[Sequence[str]], texts: int) -> Iterator[str]:
    """Columns: the first ones are texts, the others figures."""
    if not rows:
        return
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = []
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - _width(cell))
            cells.append(cell + space if column < texts else space + cell)
        yield "  " + "  ".join(cells).rstrip()


def _one_line(text: str) -> str:
    """Text without anything that moves a terminal's cursor."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _width(text: str) -> int:
    """How many columns a text takes: Chinese characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
