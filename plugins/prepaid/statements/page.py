"""A statement as a page for print: complete in itself, without anything from elsewhere, and safe with any name."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from plugins.prepaid.statements.proof import CheckpointRow
from plugins.prepaid.statements.statement import Statement
from plugins.prepaid.statements.texts import EN, LANGUAGES
from plugins.prepaid.statements.view import View, grouped


def html_of(statement: Statement, language: str = "en", checkpoint: CheckpointRow | None = None) -> str:
    """The page in a language; an unknown one is English. `checkpoint` is the seal over it, if there is one."""
    words = LANGUAGES.get(language, EN)
    sealed = "" if checkpoint is None else f"{checkpoint.day} · {grouped(checkpoint.hash.hex())}"
    return _template().render(view=View(statement, words), words=words, sealed=sealed)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("plugins.prepaid.statements"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("statement.html")
