"""A statement in the form that somebody asks for, out of the books: the same from a running hub and its files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hub.contracts.ids import ContractId
from hub.core.errors import NotFound
from hub.core.principals import Principal
from hub.core.storage import Reader
from plugins.prepaid.charging.book import Book
from plugins.prepaid.statements import repository
from plugins.prepaid.statements.bundle import texts_of
from plugins.prepaid.statements.framing import Moment, frame_of, planned
from plugins.prepaid.statements.gathering import SiteMoney, closed_statement, evidence_of
from plugins.prepaid.statements.page import html_of
from plugins.prepaid.statements.proof import prove
from plugins.prepaid.statements.repository import statement_id
from plugins.prepaid.statements.statement import Statement, derive
from plugins.prepaid.statements.table import csv_of
from plugins.prepaid.statements.terminal import text_of


class Form(Enum):
    """What a statement can be made into."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    HTML = "html"
    BUNDLE = "zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A statement that somebody asks for."""

    contract: ContractId
    period: str
    form: Form = Form.TEXT
    language: str = "en"
    is_corrected: bool = False
    """Of a closed period: with everything that was corrected since."""


def statement_of(reader: Reader, book: Book, site: SiteMoney, wanted: Wanted) -> Statement:
    """The statement: frozen if it is closed, else as the books stand."""
    row = None if wanted.is_corrected else repository.load(reader, statement_id(wanted.contract, wanted.period))
    if row is not None:
        return closed_statement(reader, row)
    moment = Moment.now(reader)
    return derive(evidence_of(reader, frame_of(reader, book, site, wanted.contract, wanted.period, moment)))


def render(reader: Reader, book: Book, site: SiteMoney, wanted: Wanted, principal: Principal) -> dict[str, str]:
    """The texts of the files that make it: one, or those of a bundle; a principal gets no other account's."""
    contract, _, _ = planned(book, wanted.contract, wanted.period)
    if not principal.sees("account", contract.account):
        raise NotFound(f"there is no contract {wanted.contract!r}; see `hub contract list`")
    statement = statement_of(reader, book, site, wanted)
    name = f"{wanted.contract}_{wanted.period}"
    match wanted.form:
        case Form.TEXT:
            return {f"{name}.txt": text_of(statement, wanted.language)}
        case Form.JSON:
            return {f"{name}.json": statement.body.decode()}
        case Form.CSV:
            return {f"{name}.csv": csv_of(statement)}
        case Form.HTML:
            page = html_of(statement, wanted.language, prove(reader, statement).proof.checkpoint)
            return {f"{name}.html": page}
        case Form.BUNDLE:
            return texts_of(prove(reader, statement))
