"""`hub account`: accounts, their money and their history."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from plugins.prepaid.commands.listing import print_fields, print_table
from plugins.prepaid.commands.reaching import ask, call, json_text, reaching, reason_option, show

COLUMNS = ("account", "name", "balance", "credit_limit", "held", "available", "currency", "status", "points")
CONTRACT_COLUMNS = ("contract", "tariff", "start", "end", "points")
LINE_COLUMNS = ("at", "what", "amount", "kWh", "balance", "reference", "by", "note")


@click.group()
def account() -> None:
    """Look after accounts: their money, their limits, their history."""


@account.command("list")
@click.option("--low", metavar="AMOUNT", help="Only those whose balance is below AMOUNT.")
@click.option("--arrears", is_flag=True, help="Only those that owe money.")
@reaching
def list_(low: str | None, arrears: bool, folder: Path, as_json: bool) -> None:
    """List accounts with their posted balance. Needs a running hub."""
    params: dict[str, object] = {"arrears": arrears}
    if low is not None:
        params["low"] = _amount(low)
    found = ask(folder, "account.list", params)
    if as_json:
        click.echo(json_text(found))
        return
    print_table(COLUMNS, [[one[column] for column in COLUMNS] for one in found])


@account.command("show")
@click.argument("name", metavar="ACCOUNT")
@reaching
def show_(name: str, folder: Path, as_json: bool) -> None:
    """Show one ACCOUNT: its tenant, its money and its contracts. Needs a running hub."""
    one = ask(folder, "account.show", {"account": name})
    if as_json:
        click.echo(json_text(one))
        return
    print_fields(
        one, ("account", "name", "status", "tenant", "tenant_name", "phone", "email", "language", "balance",
              "credit_limit", "held", "available", "currency", "opened"),
    )  # fmt: skip
    contracts = [
        (each["contract"], each["tariff"], each["start"], each["end"], [held["point"] for held in each["points"]])
        for each in one["contracts"]
    ]
    if contracts:
        click.echo()
        print_table(CONTRACT_COLUMNS, contracts)


@account.command("history")
@click.argument("name", metavar="ACCOUNT")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many lines.")
@reaching
def history(name: str, limit: int, folder: Path, as_json: bool) -> None:
    """Show the newest lines of an ACCOUNT, each with the balance after it. Needs a running hub."""
    page = ask(folder, "account.history", {"account": name, "limit": limit})
    if as_json:
        click.echo(json_text(page))
        return
    lines = [
        (one["at"], one["kind"], one["amount"], one["kwh"], one["balance"], one["ref"], one["actor"], one["note"])
        for one in page["lines"]
    ]
    print_table(LINE_COLUMNS, lines)
    if page["older"] is not None:
        click.echo(f"(older lines: --limit, now {limit})")


@account.command("open")
@click.argument("name", metavar="ACCOUNT")
@click.option("--tenant", help="Whose it is.  [default: the tenant of the same id]")
@click.option("--credit-limit", metavar="AMOUNT", help="How far below zero its balance may go.")
@reaching
def open_(name: str, tenant: str | None, credit_limit: str | None, folder: Path, as_json: bool) -> None:
    """Open an ACCOUNT for a tenant, or a closed one again. Needs a running hub."""
    answer = call(folder, "account.open", {"account": name, "tenant": tenant, "credit_limit": credit_limit})
    show(answer, as_json, "account")


@account.command("close")
@click.argument("name", metavar="ACCOUNT")
@reason_option
@reaching
def close(name: str, reason: str, folder: Path, as_json: bool) -> None:
    """Close an ACCOUNT that holds no contract and no money. Needs a running hub."""
    show(call(folder, "account.close", {"account": name, "reason": reason}), as_json, "account")


@account.command("limit")
@click.argument("name", metavar="ACCOUNT")
@click.argument("amount")
@reason_option
@reaching
def limit(name: str, amount: str, reason: str, folder: Path, as_json: bool) -> None:
    """Let the balance of an ACCOUNT go AMOUNT below zero. Needs a running hub."""
    data = {"account": name, "amount": _amount(amount), "reason": reason}
    show(call(folder, "account.set_credit_limit", data), as_json, "account", "credit_limit")


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise click.BadParameter(f"{text!r} is no amount such as 100 or 12.50") from None
