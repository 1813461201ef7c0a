"""`hub ledger`: whether the books hold, what stands in them, and a copy for an accountant's own software."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hub.core.clock import SystemClock
from hub.core.principals import OWNER
from hub.core.site import load_site
from hub.core.storage import Reader
from plugins.prepaid.commands.books import ask_or_read, read_books, site_money
from plugins.prepaid.commands.proof_tables import print_table
from plugins.prepaid.commands.reaching import ask, call, json_text, reaching
from plugins.prepaid.gate.verify import ReadsVerification
from plugins.prepaid.journal.balances import balances
from plugins.prepaid.journal.hledger import Currency
from plugins.prepaid.journal.hledger import export as export_journal
from plugins.prepaid.journal.sealing import last_checkpoint
from plugins.prepaid.journal.verify import verify as verify_journal
from plugins.prepaid.statements.deep import DeepVerification
from plugins.prepaid.statements.offered import (
    BALANCES,
    SEAL,
    SEALED,
    VERIFY,
    checkpoint_shown,
    shown_balances,
    verdict_of,
)


@click.group()
def ledger() -> None:
    """Verify, seal and export the ledger."""


@ledger.command("verify")
@click.option(
    "--deep", "is_deep", is_flag=True, help="Rate every month again from its reads, and derive every statement."
)
@reaching
def verify(is_deep: bool, folder: Path, as_json: bool) -> None:
    """Verify all chains, sums, balances and accepted reads, and say where they break; ends with 1 if they do."""

    def read(reader: Reader) -> dict[str, object]:
        reads, deep = ReadsVerification(), DeepVerification()
        report = verify_journal(reader, SystemClock())
        for page in (reads.page, *([deep.page] if is_deep else [])):
            while page(reader):
                pass
        return verdict_of(report, reads, deep if is_deep else None)

    verdict: dict[str, Any] = ask_or_read(folder, VERIFY, {"deep": is_deep}, read)
    if as_json:
        click.echo(json_text(verdict))
    else:
        for finding in verdict["findings"]:
            click.echo(finding, err=True)
        _say(verdict)
    if not verdict["good"]:
        raise SystemExit(1)


@ledger.command("seal")
@reaching
def seal(folder: Path, as_json: bool) -> None:
    """Seal what no seal covers yet, and show the newest checkpoint. Needs a running hub."""
    made = call(folder, SEAL, {})
    checkpoint = ask(folder, SEALED, {})
    if as_json:
        click.echo(json_text({**made, "checkpoint": checkpoint}))
        return
    click.echo(f"{made['entries']} entries sealed")
    click.echo(
        "no checkpoint yet; the hub makes one after midnight"
        if checkpoint is None
        else f"checkpoint of {checkpoint['day']}: {checkpoint['hash']}"
    )


@ledger.command("checkpoint")
@reaching
def checkpoint(folder: Path, as_json: bool) -> None:
    """Show the newest checkpoint: write its hash down elsewhere, and nobody can rewrite what came before."""

    def read(reader: Reader) -> dict[str, object] | None:
        made = last_checkpoint(reader)
        return None if made is None else checkpoint_shown(made)

    found = ask_or_read(folder, SEALED, {}, read)
    if as_json:
        click.echo(json_text(found))
    elif found is None:
        click.echo("no checkpoint yet; the hub makes one after midnight")
    else:
        click.echo(f"{found['day']}  {found['entries']} entries  {found['hash']}")


@ledger.command("balance")
@click.argument("prefix", default="")
@reaching
def balance(prefix: str, folder: Path, as_json: bool) -> None:
    """Show what stands on the ledger's accounts, or on those whose names begin with PREFIX."""

    def read(reader: Reader) -> dict[str, Any]:
        return dict(shown_balances(balances(reader, prefix), OWNER, site_money(folder).scale))

    found: dict[str, Any] = ask_or_read(folder, BALANCES, {"prefix": prefix}, read)
    if as_json:
        click.echo(json_text(found))
    else:
        print_table(("account", "balance"), list(found.items()))


@ledger.command("export-hledger")
@click.option(
    "--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="A file.  [default: standard output]"
)
@reaching
def export_hledger(target: Path | None, folder: Path, as_json: bool) -> None:
    """Write the whole journal as hledger reads it; taken from the files, whether a hub runs or not."""
    money = site_money(folder)
    zone = load_site(folder.absolute()).time_zone

    def write(reader: Reader) -> int:
        lines = 0
        with click.open_file("-" if target is None else str(target), "w", encoding="utf-8") as out:
            for line in export_journal(reader, Currency(money.currency, money.scale), zone):
                out.write(f"{line}\n")
                lines += 1
        return lines

    lines = read_books(folder, write)
    if target is not None:
        click.echo(json_text({"file": str(target), "lines": lines}) if as_json else f"{lines} lines in {target}")


def _say(verdict: dict[str, Any]) -> None:
    wrong = len(verdict["findings"]) + verdict["omitted"]
    click.echo(f"{wrong} places are wrong" if wrong else "the ledger holds")
    click.echo(
        f"  {verdict['entries']} entries, {verdict['postings']} postings, {verdict['accounts']} accounts, "
        f"{verdict['seals']} seals, {verdict['reads']} accepted reads"
    )
    if verdict["segments"] is not None:
        click.echo(f"  {verdict['segments']} segments rated again")
