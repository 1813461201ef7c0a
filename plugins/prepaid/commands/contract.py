"""`hub contract`: who holds which point from when to when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from plugins.prepaid.commands.listing import print_fields, print_table
from plugins.prepaid.commands.reaching import ask, call, json_text, reaching, show

COLUMNS = ("contract", "account", "tariff", "start", "end", "points")
HOLD_COLUMNS = ("point", "share %", "from", "kWh", "until", "kWh")

at_option = click.option("--at", metavar="TIME", help="When, such as '2026-03-01 08:30', instead of a read now.")
read_option = click.option(
    "--read", "reads", multiple=True, metavar="POINT=KWH", help="What a display shows now, where no meter answers."
)


@click.group()
def contract() -> None:
    """Move tenants in and out, and give them another tariff."""


@contract.command("list")
@click.option("--account", help="Only those of one account.")
@click.option("--running", is_flag=True, help="Only those that have not ended.")
@reaching
def list_(account: str | None, running: bool, folder: Path, as_json: bool) -> None:
    """List contracts with their points. Needs a running hub."""
    found = ask(folder, "contract.list", {"account": account, "running": running})
    if as_json:
        click.echo(json_text(found))
        return
    print_table(COLUMNS, [
        (one["contract"], one["account"], one["tariff"], one["start"], one["end"], _points(one)) for one in found
    ])  # fmt: skip


@contract.command("show")
@click.argument("name", metavar="CONTRACT")
@reaching
def show_(name: str, folder: Path, as_json: bool) -> None:
    """Show one CONTRACT: its points, by which reads it holds them, its months. Needs a running hub."""
    one = ask(folder, "contract.show", {"contract": name})
    if as_json:
        click.echo(json_text(one))
        return
    print_fields(
        one, ("contract", "account", "tariff", "policy", "start", "end", "area_m2", "capacity_kw")
    )  # fmt: skip
    click.echo()
    print_table(HOLD_COLUMNS, [
        (held["point"], held["share"], held["from"], held["from_kwh"], held["until"], held["until_kwh"])
        for held in one["points"]
    ])  # fmt: skip
    if one["months"]:
        click.echo()
        parts = sorted({part for month in one["months"] for part in month["components"]})
        print_table(("month", "charged", *parts), [
            (month["month"], month["charged"], *(month["components"].get(part) for part in parts))
            for month in one["months"]
        ])  # fmt: skip


@contract.command("open")
@click.argument("account")
@click.argument("points", nargs=-1, required=True, metavar="POINT[=SHARE]...")
@click.option("--tariff", required=True, help="The tariff's code.")
@click.option("--id", "name", metavar="CONTRACT", help="The contract's id.  [default: made from the account's]")
@click.option("--follows", metavar="CONTRACT", help="Begin at the very reads with which another contract ended.")
@click.option("--policy", help="The policy pack, where it is not the site's.")
@at_option
@read_option
@reaching
def open_(
    account: str, points: Sequence[str], tariff: str, name: str | None, follows: str | None, policy: str | None,
    at: str | None, reads: Sequence[str], folder: Path, as_json: bool,
) -> None:  # fmt: skip
    """Move an ACCOUNT's tenant into one or more points.

    The contract begins at a read that is taken now, unless --at, --read or --follows says otherwise. A SHARE is in
    percent, for a meter that serves several. Needs a running hub.
    """
    named = [point.partition("=") for point in points]
    data: dict[str, object] = {
        "account": account, "points": [point for point, _, _ in named],
        "shares": {point: share for point, equals, share in named if equals}, "tariff": tariff, "contract": name,
        "follows": follows, "policy": policy, "at": at, "reads": _reads(reads),
    }  # fmt: skip
    answer = call(folder, "contract.open", data)
    if as_json:
        click.echo(json_text(answer))
        return
    show(answer, as_json, "contract", "account", "tariff")
    print_table(("point", "from", "kWh"), [(one["point"], one["from"], one["read"]) for one in answer["points"]])


@contract.command("close")
@click.argument("name", metavar="CONTRACT")
@at_option
@read_option
@reaching
def close(name: str, at: str | None, reads: Sequence[str], folder: Path, as_json: bool) -> None:
    """Move a CONTRACT's tenant out: read, settle, and say what is owed. Needs a running hub."""
    answer = call(folder, "contract.close", {"contract": name, "at": at, "reads": _reads(reads)})
    if as_json:
        click.echo(json_text(answer))
        return
    show(answer, as_json, "contract", "charged", "balance")
    print_table(("point", "until", "kWh"), [(one["point"], one["until"], one["read"]) for one in answer["points"]])
    if answer.get("is_settled") is False:
        click.echo("the last reads are still to come; what they show is charged then")
    if answer["other_contracts"]:
        click.echo(f"{answer['account']} goes on with {', '.join(answer['other_contracts'])}")
    elif answer["owed"]:
        click.echo(f"{answer['account']} owes {answer['owed']}")
    elif answer["refundable"]:
        click.echo(f"{answer['account']} can have {answer['refundable']} back, see `hub account refund`")


@contract.command("change-tariff")
@click.argument("name", metavar="CONTRACT")
@click.argument("tariff")
@click.option("--id", "successor", metavar="CONTRACT", help="The id of the contract that begins.")
@at_option
@read_option
@reaching
def change_tariff(
    name: str, tariff: str, successor: str | None, at: str | None, reads: Sequence[str], folder: Path, as_json: bool
) -> None:
    """Put a CONTRACT's tenant under another TARIFF: it ends, and the next begins at the same reads.

    Needs a running hub.
    """
    data = {"contract": name, "tariff": tariff, "successor": successor, "at": at, "reads": _reads(reads)}
    answer = call(folder, "contract.change_tariff", data)
    if as_json:
        click.echo(json_text(answer))
    else:
        click.echo(f"{answer['ended']} ended, {answer['began']['contract']} began under {tariff}")


def _reads(given: Sequence[str]) -> dict[str, str]:
    reads: dict[str, str] = {}
    for one in given:
        point, equals, kwh = one.partition("=")
        if not (point and equals and kwh):
            raise click.BadParameter(f"{one!r} is no POINT=KWH such as stall_07=1234.5", param_hint="--read")
        reads[point] = kwh
    return reads


def _points(one: Mapping[str, Any]) -> list[str]:
    return [held["point"] for held in one["points"]]
