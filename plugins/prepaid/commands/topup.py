"""`hub account topup` and `hub account receipt`: the counter."""

from __future__ import annotations

from pathlib import Path

import click

from plugins.prepaid.commands.reaching import ask, call, json_text, key_option, reaching, show


@click.command("topup")
@click.argument("account")
@click.argument("amount")
@click.option("--receipt", metavar="NUMBER", help="The receipt's number; the hub makes one when it is left out.")
@click.option("--bank", "is_bank", is_flag=True, help="It came by bank transfer, and not in cash.")
@click.option("--paid", metavar="TIME", help="With --bank: when it was paid, such as 2026-11-21T08:00+08:00.")
@click.option("--note", help="A word for the books.")
@click.option("--print", "is_printed", is_flag=True, help="Print the receipt, 40 columns wide.")
@key_option
@reaching
def topup(
    account: str, amount: str, receipt: str | None, is_bank: bool, paid: str | None, note: str | None,
    is_printed: bool, key: str | None, folder: Path, as_json: bool,
) -> None:  # fmt: skip
    """Credit AMOUNT, taken in cash, to an ACCOUNT.

    The same receipt number credits once. Without one, every call is another top-up: when one got no answer, repeat
    it with the same --key, or look at `hub account history` first. Needs a running hub.
    """
    if paid is not None and not is_bank:
        raise click.UsageError("--paid is for --bank; cash is paid when it is taken")
    data = {"account": account, "amount": amount, "receipt": receipt, "note": note, "paid": paid}
    answer = call(folder, "topup.bank" if is_bank else "topup.cash", data, key)
    if is_printed and not as_json:
        number = f"{'bank' if is_bank else 'cash'}:{answer['receipt']}"
        click.echo(ask(folder, "account.receipt", {"receipt": number})["text"], nl=False)
        return
    show(answer, as_json, "receipt", "balance", "missing")


@click.command("receipt")
@click.argument("number")
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write it as a page to this file."
)
@reaching
def receipt(number: str, page: Path | None, folder: Path, as_json: bool) -> None:
    """Print the receipt of a NUMBER, or of a ledger entry (entry:17). Needs a running hub."""
    answer = ask(folder, "account.receipt", {"receipt": number})
    if page is not None:
        page.write_text(answer["html"], encoding="utf-8")
        click.echo(f"written to {page}")
    elif as_json:
        click.echo(json_text(answer["receipt"]))
    else:
        click.echo(answer["text"], nl=False)
