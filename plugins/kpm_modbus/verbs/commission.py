"""`hub modbus commission`: the walk through one point, with a person's word at each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import click

from hub.core.control import HungUp, RemoteError
from plugins.kpm_modbus.commission_actions import BEGIN, FINISH, IDENTIFY, RESTORE, SESSIONS, TRIP
from plugins.kpm_modbus.verbs.options import folder_option, json_option
from plugins.kpm_modbus.verbs.printing import echo, json_text, print_table, time_text
from plugins.kpm_modbus.verbs.running import ask, call

INTERRUPTED = 130
COLUMNS = ("point", "outcome", "began", "by", "identity", "trip", "restore", "why")

Session: TypeAlias = "Mapping[str, Any]"


@click.command("commission")
@click.argument("point", required=False)
@click.option("--list", "is_list", is_flag=True, help="Show what is on record instead, of a POINT or of all.")
@click.option(
    "--end", "is_end", is_flag=True, help="End a POINT's unfinished session instead; its relay is closed."
)
@click.option(
    "--yes", "is_yes", is_flag=True, help="Answer every question with yes; with --i-am-at-the-panel only."
)
@click.option(
    "--i-am-at-the-panel", "is_at_panel", is_flag=True, help="You see the meter and what hangs on it: for --yes."
)
@folder_option
@json_option
def commission(
    point: str | None, is_list: bool, is_end: bool, is_yes: bool, is_at_panel: bool, folder: Path, as_json: bool
) -> None:
    """Commission one POINT: prove its meter, open its relay and close it again, with you beside it.

    Everything behind the relay loses power for a moment. What was proven and what you answered goes on record; a
    passed test allows the hub to switch the point off by itself from then on. Ctrl-C ends the walk and closes the
    relay; so does the hub when nobody answers for five minutes while it is open. Needs a running hub.
    """
    if is_list:
        _print_list(ask(folder, SESSIONS, {"point": point}), as_json)
        return
    if point is None:
        raise click.UsageError("name the POINT to commission, or --list")
    if is_yes and not is_at_panel:
        raise click.UsageError(
            "--yes opens the relay without asking; stand where you see what it feeds, and add --i-am-at-the-panel"
        )
    walk = Walk(folder, is_yes=is_yes, is_quiet=as_json)
    session = _end_open(folder, point) if is_end else walk.run(point)
    if as_json:
        click.echo(json_text(session, indent=2))
    elif session["ended_at"] is None:
        echo(f"{point}: its relay could not be closed; the hub goes on trying. Go and look")
    else:
        why = f": {session['detail']}" if session["detail"] else ""
        click.echo(f"{point}: {session['outcome']}{why}")
    if session["outcome"] != "passed" and not (is_end and session["ended_at"] is not None):
        raise SystemExit(1)


@dataclass(slots=True)
class Walk:
    """One walk: each step is asked for, done by the hub, and shown."""

    folder: Path
    is_yes: bool
    is_quiet: bool
    _session_id: str = field(default="", init=False)

    def run(self, point: str) -> Session:
        """Walk to the end, or until the person says no; the hub is left with a closed relay if it can be."""
        session: Session = call(self.folder, BEGIN, {"point": point})
        self._session_id = session["session"]
        self._say(f"{point}: session {self._session_id} is open")
        try:
            return self._walk(point)
        except (click.Abort, KeyboardInterrupt):
            self._say("")
            self._end_if_open("interrupted")
            raise SystemExit(INTERRUPTED) from None
        except RemoteError:
            self._end_if_open("a step was refused")
            raise
        except HungUp:
            self._say("the hub is gone; it closes the relay once it runs again")
            raise

    def _walk(self, point: str) -> Session:
        session = self._step("1. Identity", IDENTIFY)
        if session["ended_at"] is not None or not _last(session)["has_passed"]:
            return self._end(session, "its identity was not proven")
        right = self._ask("   Is that the number on the meter in front of you?")
        if right:
            self._say(f"2. Trip test: everything behind {point} loses power now.")
            if not self._ask("   Open the relay?"):
                return self._end(session, "the person did not want it opened")
        session = self._step("   Trip", TRIP, is_right_meter=right)
        if session["ended_at"] is not None or not _last(session)["has_passed"]:
            return self._end(session, "the trip test went wrong")
        off = self._ask("   Is the power off, and only there?")
        session = self._step("3. Restore", RESTORE, is_power_off=off)
        if session["ended_at"] is not None or not _last(session)["has_passed"]:
            return self._end(session, "the restore went wrong")
        if _last(session)["evidence"].get("position") == "armed":
            self._say("   It is armed: press the meter's button now.")
        if not self._ask("   Is the power back?"):
            return self._end(session, "the person says that the power is not back")
        finished: Session = self._call(FINISH, is_power_back=True)
        return finished

    def _step(self, title: str, action: str, **fields: object) -> Session:
        session = self._call(action, **fields)
        steps = session["steps"]
        self._say(f"{title}: {steps[-1]['detail']}{_measured(steps[-1]['evidence'])}" if steps else title)
        return session

    def _end(self, session: Session, note: str) -> Session:
        """End it, unless the hub has done so."""
        if session["ended_at"] is not None:
            return session
        ended: Session = self._call(FINISH, is_power_back=False, note=note)
        return ended

    def _end_if_open(self, note: str) -> None:
        try:
            session = self._call(FINISH, is_power_back=False, note=note)
        except (RemoteError, HungUp) as error:
            self._say(f"the session could not be ended: {error}")
            return
        self._say(
            f"ended: {session['detail']}" if session["ended_at"] is not None else "the hub goes on closing it"
        )

    def _call(self, action: str, **fields: object) -> Session:
        session: Session = call(self.folder, action, {"session": self._session_id, **fields})
        return session

    def _ask(self, question: str) -> bool:
        if self.is_yes:
            self._say(f"{question} yes")
            return True
        return click.confirm(question, default=False, err=self.is_quiet)

    def _say(self, text: str) -> None:
        click.echo(text, err=self.is_quiet)


def _end_open(folder: Path, point: str) -> Session:
    for session in ask(folder, SESSIONS, {"point": point}):
        if session["ended_at"] is None:
            ended: Session = call(folder, FINISH, {"session": session["session"], "is_power_back": False})
            return ended
    raise click.UsageError(f"no session is open on {point}")


def _last(session: Session) -> Mapping[str, Any]:
    last: Mapping[str, Any] = session["steps"][-1]
    return last


def _measured(evidence: Mapping[str, Any]) -> str:
    parts = []
    if evidence.get("current_ma") is not None:
        parts.append(f"{evidence['current_ma'] / 1000:.2f} A flow")
    if evidence.get("first_byte_us") is not None:
        parts.append(f"in {(evidence['finished_us'] - evidence['queued_us']) / 1e6:.2f} s")
    return f" ({', '.join(parts)})" if parts else ""


def _print_list(sessions: list[Session], as_json: bool) -> None:
    if as_json:
        click.echo(json_text(sessions, indent=2))
        return
    print_table(COLUMNS, [
        (
            session["point"], session["outcome"] or "open", time_text(session["started_at"]), session["actor"],
            _mark(session, "identity"), _mark(session, "trip"), _mark(session, "restore"), session["detail"],
        )
        for session in sessions
    ])  # fmt: skip


def _mark(session: Session, name: str) -> str:
    """How the last step of a name went, and what the person said of it."""
    step = next((one for one in reversed(session["steps"]) if one["step"] == name), None)
    if step is None:
        return "-"
    if not step["has_passed"]:
        return "wrong"
    return {True: "seen", False: "denied", None: "not seen"}[step["is_confirmed"]]
