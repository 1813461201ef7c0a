"""`hub doctor`: what of this machine and site is fit for a hub, and what to mend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from hub.cli import exits, machine
from hub.cli.check import check_site
from hub.cli.machine import Finding
from hub.cli.offline import newest_record
from hub.cli.options import folder_argument, json_option
from hub.cli.output import print_json, print_table
from hub.cli.plugins import broken_commands
from hub.cli.reach import ask
from hub.core.config import ConfigErrors, redact
from hub.core.control import NoHub
from hub.core.errors import HubError
from hub.core.lock import FolderLock
from hub.core.plugins.discovery import Registry, discover_all, hidden_by
from hub.core.site import FILE, Site, load_site


@click.command("doctor")
@folder_argument
@json_option
def command(folder: Path, *, as_json: bool) -> None:
    """Look at this machine and a site, and say what to mend.

    Changes nothing; writes some small files to measure the disk and takes them away. Exit code 1 when there is an
    error.
    """
    findings = list(look_at_all(folder))
    if as_json:
        print_json([{"what": one.what, "result": one.result, "finding": redact(one.text)} for one in findings])
    else:
        print_table(("what", "result", "finding"), [(one.what, one.result, redact(one.text)) for one in findings])
    if any(one.result == "error" for one in findings):
        raise SystemExit(exits.ERRORS)


def look_at_all(folder: Path) -> Iterator[Finding]:
    """Everything that can be said, the machine first."""
    yield machine.python()
    yield machine.sqlite()
    strays = hidden_by()
    yield Finding("packages", "error" if strays else "ok", strays or "'hub' and 'plugins' are Hub's own")
    place = machine.nearest_folder(folder / "data")
    yield machine.disk_sync(place)
    yield machine.free_space(place)
    yield from _clock(folder)
    yield from _site(folder)
    yield _running(folder)
    try:
        site = load_site(folder)
    except ConfigErrors:
        site = None
    yield from _plugins(discover_all(site), site)


def _clock(folder: Path) -> Iterator[Finding]:
    try:
        newest = newest_record(folder)
    except HubError as error:
        newest = None
        if (folder / "data" / "site.id").exists():
            yield Finding("records", "error", str(error))
    else:
        yield Finding(
            "records", "ok", "hub.db can be read" if newest is None else f"the newest is of {newest:%F %T} UTC"
        )
    yield machine.clock(newest)


def _site(folder: Path) -> Iterator[Finding]:
    if not (folder / FILE).exists():
        yield Finding("site", "warning", f"there is no {FILE} in {folder}; name a site's folder, or `hub init` one")
        return
    try:
        site = check_site(folder)
    except ConfigErrors as found:
        count = len(found.errors)
        yield Finding("site", "error", f"{count} errors, the first: {found.errors[0]}; see `hub check {folder}`")
    else:
        yield Finding("site", "ok", f"{site.name!r} in {folder}")


def _running(folder: Path) -> Finding:
    lock = FolderLock(folder / "data")
    try:
        info = ask(folder, "hub.info")
    except NoHub:
        if lock.is_held_elsewhere():
            return Finding("hub", "warning", f"{lock.holder()} has the folder but does not answer; is it starting?")
        return Finding("hub", "ok", "not running")
    except HubError as error:
        return Finding("hub", "error", str(error))
    holds = "; ".join(f"{name}: {reason}" for name, reason in info["holds"].items())
    if holds:
        return Finding("hub", "warning", f"running, version {info['version']}, on hold: {holds}")
    return Finding("hub", "ok", f"running, version {info['version']}, {info['entities']} entities")


def _plugins(registry: Registry, site: Site | None) -> Iterator[Finding]:
    broken_commands(registry)
    names = ", ".join(sorted(registry.found)) or "none"
    yield Finding("plugins", "ok", f"found: {names}")
    for name, check in registry.checks():
        what = f"{name}: {check.name}"
        try:
            result, text = check.look()
        except Exception as error:  # noqa: BLE001 - it is that plugin's check that is broken
            result, text = "error", f"the check itself failed: {type(error).__name__}: {error}"
        yield Finding(what, result, text)
    for broken in registry.broken:
        is_used = site is not None and broken.name in site.plugins
        yield Finding(
            f"plugin {broken.name}", "error" if is_used else "warning", f"{broken.source}: {broken.reason}"
        )
