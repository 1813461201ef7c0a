"""`hub statement`: show, export, close, and prove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hub.contracts.ids import AccountId, ContractId
from hub.core.control import RemoteError
from hub.core.errors import HubError
from hub.core.principals import OWNER
from hub.core.storage import Reader
from plugins.prepaid.charging.book import load_book
from plugins.prepaid.commands.books import ask_or_read, site_money
from plugins.prepaid.commands.proof_tables import print_table
from plugins.prepaid.commands.reaching import ask, call, json_text, reaching
from plugins.prepaid.statements import repository
from plugins.prepaid.statements.bundle import pack, unpack
from plugins.prepaid.statements.offered import CLOSABLE, CLOSE, EXPORT, LIST, described
from plugins.prepaid.statements.rendering import Form, Wanted, render
from plugins.prepaid.statements.verify import verify

language_option = click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of texts and pages."
)
corrected_option = click.option(
    "--corrected", "is_corrected", is_flag=True, help="Of a closed month: with what was corrected since."
)


class UnknownForm(HubError):
    """A file's name that says nothing about what shall be in it."""


@click.group()
def statement() -> None:
    """Show, export and close statements, and verify their proof."""


@statement.command("list")
@click.option("--account", help="Of this account only.")
@click.option("--period", help="Of this month only, such as 2026-11.")
@reaching
def list_(account: str | None, period: str | None, folder: Path, as_json: bool) -> None:
    """List closed statements."""

    def read(reader: Reader) -> list[dict[str, object]]:
        name = None if account is None else AccountId(account)
        return [described(row, site_money(folder).scale) for row in repository.listed(reader, name, period)]

    rows = ask_or_read(folder, LIST, {"account": account, "period": period}, read)
    if as_json:
        click.echo(json_text(rows))
        return
    columns = ("statement", "account", "due", "balance", "closed", "hash")
    print_table(columns, [[*(row[name] for name in columns[:-1]), row["hash"][:16]] for row in rows])


@statement.command("show")
@click.argument("contract")
@click.argument("period")
@language_option
@corrected_option
@reaching
def show(contract: str, period: str, language: str, is_corrected: bool, folder: Path, as_json: bool) -> None:
    """Show a CONTRACT's statement for a PERIOD such as 2026-11: as it was closed, or as the books stand.

    With --json it is the statement itself: the SHA-256 of these bytes is its hash.
    """
    form = Form.JSON if as_json else Form.TEXT
    [text] = _rendered(folder, Wanted(
        contract=ContractId(contract), period=period, form=form, language=language, is_corrected=is_corrected
    )).values()  # fmt: skip
    click.echo(text, nl=False)


@statement.command("export")
@click.argument("contract")
@click.argument("period")
@click.option(
    "--to", "target", required=True, type=click.Path(dir_okay=False, path_type=Path),
    help="A file; its ending says what: .html for print, .csv, .json, or .zip for the proof bundle.",
)  # fmt: skip
@language_option
@corrected_option
@reaching
def export(
    contract: str, period: str, target: Path, language: str, is_corrected: bool, folder: Path, as_json: bool
) -> None:
    """Write a CONTRACT's statement for a PERIOD to a file: a page, a table, JSON, or the bundle that proves it."""
    form = _form_of(target)
    texts = _rendered(folder, Wanted(
        contract=ContractId(contract), period=period, form=form, language=language, is_corrected=is_corrected
    ))  # fmt: skip
    data = pack(texts) if form is Form.BUNDLE else next(iter(texts.values())).encode()
    target.write_bytes(data)
    click.echo(json_text({"file": str(target), "bytes": len(data)}) if as_json else f"written to {target}")


@statement.command("verify")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--expect", "expected", multiple=True, metavar="HASH",
    help="A hash that the bundle must bear: the statement's as it is printed, or the checkpoint's.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def verify_(bundle: Path, expected: tuple[str, ...], as_json: bool) -> None:
    """Derive a BUNDLE's statement again, from the raw register words up: no hub, no database, no connection.

    Says where it differs, and ends with 1 if it does.
    """
    verdict = verify(unpack(bundle.read_bytes()), expected)
    if as_json:
        click.echo(json_text({
            "good": verdict.is_good, "statement": verdict.statement, "hash": verdict.sha,
            "checkpoint": verdict.checkpoint or None, "reads": verdict.reads, "segments": verdict.segments,
            "entries": verdict.entries, "withheld": verdict.withheld,
            "findings": [{"where": one.where, "what": one.what} for one in verdict.findings],
        }))  # fmt: skip
    else:
        for one in verdict.findings:
            click.echo(str(one), err=True)
        _say(verdict)
    if not verdict.is_good:
        raise SystemExit(1)


@statement.command("close")
@click.argument("period")
@click.argument("accounts", nargs=-1, metavar="[ACCOUNT]...")
@reaching
def close(period: str, accounts: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Close the statements of ACCOUNTs, or of all that can be closed, for a PERIOD that is over.

    What is closed never changes: later corrections are posted in the open month, and say what they correct. Needs
    a running hub.
    """
    closed: list[dict[str, Any]] = []
    refused: list[str] = []
    for account in accounts or ask(folder, CLOSABLE, {"period": period}):
        try:
            closed += call(folder, CLOSE, {"account": account, "period": period})["statements"]
        except RemoteError as error:
            refused.append(str(error))
    if as_json:
        click.echo(json_text({"closed": closed, "refused": refused}))
    else:
        for row in closed:
            click.echo(f"{row['statement']}: {row['due']} due, {row['balance']} left, {row['hash'][:16]}")
        for text in refused:
            click.echo(text, err=True)
        click.echo(f"{len(closed)} closed, {len(refused)} refused")
    if refused:
        raise SystemExit(1)


def _rendered(folder: Path, wanted: Wanted) -> dict[str, str]:
    params = {
        "contract": wanted.contract, "period": wanted.period, "form": wanted.form.value,
        "language": wanted.language, "corrected": wanted.is_corrected,
    }  # fmt: skip
    texts: dict[str, str] = ask_or_read(
        folder, EXPORT, params,
        lambda reader: render(reader, load_book(reader), site_money(folder), wanted, OWNER),
    )  # fmt: skip
    return texts


def _form_of(target: Path) -> Form:
    forms = {f".{form.value}": form for form in (Form.HTML, Form.CSV, Form.JSON, Form.BUNDLE)}
    if target.suffix.lower() not in forms:
        raise UnknownForm(f"{target}: name a file that ends in {', '.join(forms)}; the ending says what is written")
    return forms[target.suffix.lower()]


def _say(verdict: Any) -> None:
    what = "every figure follows from the reads" if verdict.is_good else f"{len(verdict.findings)} places are wrong"
    click.echo(f"{verdict.statement or 'the bundle'}: {what}")
    click.echo(
        f"  {verdict.reads} reads, {verdict.segments} segments, {verdict.entries} entries"
        + (f", {verdict.withheld} of them shared with others" if verdict.withheld else "")
    )
    click.echo(f"  hash        {verdict.sha}")
    click.echo(f"  checkpoint  {verdict.checkpoint or 'none: not sealed yet'}")
