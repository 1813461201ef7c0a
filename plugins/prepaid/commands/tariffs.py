"""`hub tariff publish|approve|reject|list|show|dry-run`: tariffs in force, and what another would come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from plugins.prepaid.commands.proof_tables import print_table
from plugins.prepaid.commands.reaching import ask, call, json_text, reaching
from plugins.prepaid.commands.tariff import tariff
from plugins.prepaid.rebilling.offered import APPROVE, DRY_RUN, LIST, PUBLISH, REJECT, SHOW
from plugins.prepaid.tariffs import canonical, load_tariff, tariff_from_text

CONTRACTS_SHOWN = 20

correct_option = click.option(
    "--correct", "may_correct", is_flag=True, help="It may begin in charged time: that is charged anew."
)
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@tariff.command("publish")
@click.argument("file", type=_file)
@click.option(
    "--from",
    "start",
    required=True,
    metavar="TIME",
    help="From when it holds, such as 2027-01-01 in its time zone.",
)
@click.option("--dry-run", "is_dry", is_flag=True, help="Only show whom it affects.")
@correct_option
@reaching
def publish(file: Path, start: str, is_dry: bool, may_correct: bool, folder: Path, as_json: bool) -> None:
    """Publish a tariff FILE: shows the contracts affected and the largest change of a bill.

    A change of more than 30 % is a proposal, which a second person approves. A published version is immutable.
    Needs a running hub.
    """
    source = source_of(file)
    if is_dry:
        code = tariff_from_text(source, file.name).code
        _show_dry_run(ask(folder, DRY_RUN, {"code": code, "source": source, "file": file.name}), as_json)
        return
    data = {"source": source, "file": file.name, "from": start, "correct": may_correct}
    _show(call(folder, PUBLISH, data), as_json)


@tariff.command("approve")
@click.argument("proposal")
@correct_option
@reaching
def approve(proposal: str, may_correct: bool, folder: Path, as_json: bool) -> None:
    """Publish a PROPOSAL of another person. Needs a running hub."""
    _show(call(folder, APPROVE, {"proposal": proposal, "correct": may_correct}), as_json)


@tariff.command("reject")
@click.argument("proposal")
@reaching
def reject(proposal: str, folder: Path, as_json: bool) -> None:
    """End a PROPOSAL, somebody's or one's own. Needs a running hub."""
    answer = call(folder, REJECT, {"proposal": proposal})
    click.echo(json_text(answer) if as_json else f"{answer['proposal']} of {answer['code']} is rejected")


@tariff.command("list")
@reaching
def list_(folder: Path, as_json: bool) -> None:
    """List all versions of all tariffs, and the proposals that wait. Needs a running hub."""
    found: dict[str, Any] = ask(folder, LIST, {})
    if as_json:
        click.echo(json_text(found))
        return
    print_table(
        ("tariff", "from", "content", "published", "by", "approved by"),
        [
            (one["code"], one["from"], one["sha"][:12], one["published"], one["actor"], one["approver"])
            for one in found["versions"]
        ],
    )
    for one in found["proposals"]:
        click.echo(
            f"waits: {one['proposal']}  {one['code']} from {one['from'].isoformat(' ', 'minutes')}, "
            f"{one['largest_change']} at most, by {one['actor']}"
        )


@tariff.command("show")
@click.argument("name", metavar="TARIFF")
@reaching
def show(name: str, folder: Path, as_json: bool) -> None:
    """Show the document of a TARIFF: of a code what holds now, or of a content hash. Needs a running hub."""
    found: dict[str, Any] = ask(folder, SHOW, {"tariff": name})
    if as_json:
        click.echo(json_text(found))
        return
    click.echo(f"# {found['code']}, content {found['sha']}")
    click.echo(found["document"])


@tariff.command("dry-run")
@click.argument("code")
@click.argument("file", type=_file)
@click.option("--period", help="The month to bill again, such as 2026-10.  [default: the last whole one]")
@reaching
def dry_run(code: str, file: Path, period: str | None, folder: Path, as_json: bool) -> None:
    """Bill a past month of all contracts under CODE again by the tariff in FILE: who pays what more or less.

    Nothing is changed. Needs a running hub.
    """
    params = {"code": code, "source": source_of(file), "file": file.name, "period": period}
    _show_dry_run(ask(folder, DRY_RUN, params), as_json)


def source_of(file: Path) -> str:
    """A tariff's file as one text; what it includes is put into it."""
    loaded = load_tariff(file)
    text = file.read_text(encoding="utf-8")
    return text if "!include" not in text else canonical(loaded).decode()


def _show(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json_text(answer))
        return
    _print_contracts(answer)
    if answer["outcome"] == "proposed":
        click.echo(f"proposed: a second person must run `hub tariff approve {answer['proposal']}`")
        return
    version = answer["version"]
    click.echo(
        f"published: {version['code']} from {version['from'].isoformat(' ', 'minutes')}, {version['sha'][:12]}"
    )
    if answer["refolded"]:
        click.echo(f"{answer['refolded']} charged months were charged anew, {answer['charged']} in all")


def _show_dry_run(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json_text(answer))
        return
    _print_contracts(answer)
    now, then = (sum(one[name] for one in answer["contracts"]) for name in ("now", "then"))
    click.echo(f"together {now} now, {then} then ({answer['currency']})")


def _print_contracts(answer: dict[str, Any]) -> None:
    rows = answer["contracts"]
    if rows:
        print_table(
            ("contract", "kWh", "now", "then", "difference", "change"),
            [
                (one["contract"], f"{one['kwh']}{' (steady)' if one['is_stand_in'] else ''}", one["now"],
                 one["then"], one["difference"], one["change"])
                for one in rows[:CONTRACTS_SHOWN]
            ],
        )  # fmt: skip
    if len(rows) > CONTRACTS_SHOWN:
        click.echo(f"... and {len(rows) - CONTRACTS_SHOWN} more; --json shows all")
    click.echo(
        f"{answer['affected']} contracts in {answer['period']}, the largest change {answer['largest_change']}"
    )
