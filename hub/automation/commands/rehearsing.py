"""Verbs that run rules in virtual time, without a running hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from hub.automation.commands.options import json_option, json_text, print_json, print_table
from hub.automation.rehearse.backtest import backtest as run_backtest
from hub.automation.rehearse.replay import START, TAIL_S, Replay, instant
from hub.automation.rehearse.replay import run as run_replay
from hub.automation.rehearse.virtual_time import VirtualTime
from hub.automation.runtime.strategies import HOME_ASSISTANT, OURS
from hub.contracts.history_files import HistoryFile, read_lines

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
rules_option = click.option("--rules", "rules", type=_file, required=True, metavar="FILE.yaml", help="The rules.")
tz_option = click.option("--tz", default="UTC", show_default=True, metavar="ZONE", help="The site's time zone.")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(
            f"{name!r} is no time zone; write one such as Asia/Shanghai", param_hint="--tz"
        ) from None


def _instant(text: str, tz: str, option: str) -> int:
    try:
        return instant(text, tz)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time; write one such as 2026-03-02T08:00:00", param_hint=option
        ) from None


def _virtual_time(ctx: click.Context) -> VirtualTime:
    found = ctx.obj.get("virtual_time") if isinstance(ctx.obj, Mapping) else None
    if found is None:
        raise click.UsageError("this program has no virtual time; use the `hub` command")
    virtual_time: VirtualTime = found
    return virtual_time


def _told(text: str) -> None:
    click.echo(text, err=True)


def _printed(call: Mapping[str, object]) -> None:
    click.echo(json_text(call))


@click.command("replay")
@rules_option
@click.option(
    "--trace", type=_file, required=True, metavar="FILE.jsonl", help="What happens: a history, line by line."
)
@click.option("--start", default=START, show_default=True, metavar="ISO", help="When t is 0.")
@tz_option
@click.option(
    "--tail", default=TAIL_S, show_default=True, metavar="SECONDS", help="How long to go on after the last line."
)
@click.option(
    "--home-assistant", is_flag=True, help="As Home Assistant does it: no latches, nothing survives a restart."
)
@click.option("--json", "as_json", is_flag=True, help="The same: each call is a line of JSON in any case.")
@click.pass_context
def replay(
    ctx: click.Context,
    rules: Path,
    trace: Path,
    start: str,
    tz: str,
    tail: float,
    home_assistant: bool,
    as_json: bool,
) -> None:
    """Run rules on a trace, in virtual time and without a hub; prints every call as a line of JSON.

    Every action name is taken, and nothing is done. What is wrong with rules or with a reload goes to stderr.
    """
    zone, start_us = _zone(tz), _instant(start, tz, "--start")
    lines = list(read_lines(trace, start_us=start_us))
    strategies = HOME_ASSISTANT if home_assistant else OURS
    what = Replay(
        rules=rules.absolute(), lines=lines, start_us=start_us, time_zone=zone, tail_s=tail, strategies=strategies,
        on_call=_printed, on_refused=_told,
    )  # fmt: skip
    run_replay(what, _virtual_time(ctx))


@click.command("backtest")
@rules_option
@click.option(
    "--history", type=_file, required=True, metavar="FILE.jsonl", help="What was; such as the recorder writes."
)
@click.option("--from", "from_", required=True, metavar="ISO", help="From when.")
@click.option("--to", required=True, metavar="ISO", help="Until when.")
@tz_option
@json_option
@click.pass_context
def backtest(
    ctx: click.Context, rules: Path, history: Path, from_: str, to: str, tz: str, *, as_json: bool
) -> None:
    """Say what rules would have called over a history, in virtual time and without a hub."""
    start_us, end_us = _instant(from_, tz, "--from"), _instant(to, tz, "--to")
    if end_us <= start_us:
        raise click.BadParameter("it must be after --from", param_hint="--to")
    verdict = run_backtest(
        rules.absolute(), HistoryFile(history), start_us, end_us, _zone(tz), _virtual_time(ctx), _told
    )
    if as_json:
        print_json({"lines": verdict.lines, "counts": verdict.counts(), "calls": verdict.calls})
        return
    rows = [
        (rule, action, count) for rule, actions in verdict.counts().items() for action, count in actions.items()
    ]
    print_table(("rule", "action", "calls"), rows)
    click.echo(f"{len(verdict.calls)} calls over {verdict.lines} lines")
