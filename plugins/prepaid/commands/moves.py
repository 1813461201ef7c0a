"""Verbs that move money of accounts: goodwill, transfer, refund, deposit, write-off, reversal, suspense."""

from __future__ import annotations

from pathlib import Path

import click

from plugins.prepaid.commands.reaching import ask, call, json_text, key_option, plain, reaching, reason_option, show

_way = click.option("--by", "paid_by", type=click.Choice(["cash", "bank"]), help="In which way it is paid.")


@click.command("goodwill")
@click.argument("account")
@click.argument("amount")
@reason_option
@key_option
@reaching
def goodwill(account: str, amount: str, reason: str, key: str | None, folder: Path, as_json: bool) -> None:
    """Give an ACCOUNT credit at the landlord's cost."""
    data = {"account": account, "amount": amount, "reason": reason}
    show(call(folder, "account.goodwill", data, key), as_json, "entry", "balance")


@click.command("transfer")
@click.argument("account")
@click.argument("to")
@click.argument("amount")
@click.option("--entry", type=int, help="The wrong top-up's ledger entry, to move its money even when it was used.")
@reason_option
@key_option
@reaching
def transfer(
    account: str, to: str, amount: str, entry: int | None, reason: str, key: str | None, folder: Path, as_json: bool
) -> None:
    """Move AMOUNT from an ACCOUNT to another."""
    data = {"account": account, "to": to, "amount": amount, "entry": entry, "reason": reason}
    show(call(folder, "account.transfer", data, key), as_json, "entry", "balance")


@click.command("write-off")
@click.argument("account")
@click.argument("amount", required=False)
@reason_option
@key_option
@reaching
def write_off(account: str, amount: str | None, reason: str, key: str | None, folder: Path, as_json: bool) -> None:
    """Give up what an ACCOUNT owes, all of it unless an AMOUNT is given."""
    data = {"account": account, "amount": amount, "reason": reason}
    show(call(folder, "account.write_off", data, key), as_json, "amount", "entry", "balance")


@click.command("reverse")
@click.argument("entry", type=int)
@reason_option
@reaching
def reverse(entry: int, reason: str, folder: Path, as_json: bool) -> None:
    """Undo a ledger ENTRY by another one; the account's balance may fall below zero by it."""
    show(
        call(folder, "account.reverse", {"entry": entry, "reason": reason}), as_json, "entry", "account", "balance"
    )


@click.command("correct")
@click.argument("entry", type=int)
@click.argument("amount")
@reason_option
@reaching
def correct(entry: int, amount: str, reason: str, folder: Path, as_json: bool) -> None:
    """Make a ledger ENTRY amount to AMOUNT, by posting the difference."""
    data = {"entry": entry, "amount": amount, "reason": reason}
    show(call(folder, "account.correct", data), as_json, "entry", "account", "balance")


@click.group("refund")
def refund() -> None:
    """Pay money back: begin, pay it out, then say so."""


@refund.command("begin")
@click.argument("account")
@click.argument("amount")
@click.option("--hold-days", type=int, help="How many days the money is set aside.  [default: 14]")
@_way
@reason_option
@key_option
@reaching
def refund_begin(
    account: str, amount: str, hold_days: int | None, paid_by: str | None, reason: str, key: str | None,
    folder: Path, as_json: bool,
) -> None:  # fmt: skip
    """Set AMOUNT of an ACCOUNT aside for a refund; prints its number."""
    data = {"account": account, "amount": amount, "hold_days": hold_days, "paid_by": paid_by, "reason": reason}
    show(call(folder, "account.refund", data, key), as_json, "refund", "balance")


@refund.command("paid")
@click.argument("number", type=int)
@reason_option
@reaching
def refund_paid(number: int, reason: str, folder: Path, as_json: bool) -> None:
    """Say that refund NUMBER was paid out."""
    data = {"refund": number, "reason": reason}
    show(call(folder, "account.refund_paid", data), as_json, "amount", "entry", "account", "balance")


@refund.command("void")
@click.argument("number", type=int)
@reason_option
@reaching
def refund_void(number: int, reason: str, folder: Path, as_json: bool) -> None:
    """Say that refund NUMBER was not paid out: its money can be used again."""
    data = {"refund": number, "reason": reason}
    show(call(folder, "account.refund_void", data), as_json, "amount", "account", "balance")


@click.group("deposit")
def deposit() -> None:
    """Take deposits, give them back, or use them for what is owed."""


@deposit.command("take")
@click.argument("account")
@click.argument("amount")
@click.option("--receipt", required=True, metavar="NUMBER", help="The receipt's number; it happens once for each.")
@_way
@reaching
def deposit_take(account: str, amount: str, receipt: str, paid_by: str | None, folder: Path, as_json: bool) -> None:
    """Take a deposit of AMOUNT for an ACCOUNT."""
    data = {"account": account, "amount": amount, "receipt": receipt, "paid_by": paid_by}
    show(call(folder, "account.take_deposit", data), as_json, "amount", "entry")


@deposit.command("return")
@click.argument("account")
@click.argument("amount", required=False)
@_way
@reason_option
@key_option
@reaching
def deposit_return(
    account: str, amount: str | None, paid_by: str | None, reason: str, key: str | None, folder: Path, as_json: bool
) -> None:
    """Give an ACCOUNT's deposit back, all of it unless an AMOUNT is given."""
    data = {"account": account, "amount": amount, "paid_by": paid_by, "reason": reason}
    show(call(folder, "account.return_deposit", data, key), as_json, "amount", "entry", "deposit")


@deposit.command("use")
@click.argument("account")
@click.argument("amount", required=False)
@reason_option
@key_option
@reaching
def deposit_use(
    account: str, amount: str | None, reason: str, key: str | None, folder: Path, as_json: bool
) -> None:
    """Use an ACCOUNT's deposit for what it owes."""
    data = {"account": account, "amount": amount, "reason": reason}
    show(call(folder, "account.use_deposit", data, key), as_json, "amount", "entry", "deposit", "balance")


@click.group("suspense")
def suspense() -> None:
    """Money that waits for a person: nobody's yet, given back, or on its way out."""


@suspense.command("list")
@reaching
def suspense_list(folder: Path, as_json: bool) -> None:
    """List it."""
    waiting = ask(folder, "suspense.list", {})
    if as_json:
        click.echo(json_text(waiting))
        return
    for kind, id_field in (("suspended", "attempt"), ("returns", "return_id"), ("refunds", "refund")):
        for row in waiting[kind]:
            fields = {id_field: row[id_field], **row}
            shown = ", ".join(f"{name} {plain(value)}" for name, value in fields.items() if value is not None)
            click.echo(f"{kind}: {shown}")
    if not any(waiting.values()):
        click.echo("nothing waits")


@suspense.command("assign")
@click.argument("attempt", type=int)
@click.argument("account")
@click.option("--worth", metavar="AMOUNT", help="For foreign money: what it is worth in the site's currency.")
@reason_option
@reaching
def suspense_assign(
    attempt: int, account: str, worth: str | None, reason: str, folder: Path, as_json: bool
) -> None:
    """Credit suspended money, named by its ATTEMPT, to the ACCOUNT it is for."""
    data = {"attempt": attempt, "account": account, "worth": worth, "reason": reason}
    show(call(folder, "suspense.assign", data), as_json, "amount", "entry", "balance")


@suspense.command("return")
@click.argument("attempt", type=int)
@reason_option
@reaching
def suspense_return(attempt: int, reason: str, folder: Path, as_json: bool) -> None:
    """Say that suspended money, named by its ATTEMPT, went back to whoever paid it."""
    show(call(folder, "suspense.return", {"attempt": attempt, "reason": reason}), as_json, "amount", "entry")


VERBS = (goodwill, transfer, write_off, reverse, correct, refund, deposit, suspense)
"""For the `account` group."""
