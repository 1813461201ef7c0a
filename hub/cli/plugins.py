"""`hub plugin`: which plugins there are and how they are, and a new one to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hub.cli import VERBS
from hub.cli.group import PluginVerbs
from hub.cli.options import folder_option, json_option
from hub.cli.output import print_json, print_table
from hub.cli.reach import ask
from hub.cli.scaffold import write_plugin
from hub.core.config import ConfigErrors, redact
from hub.core.control import NoHub
from hub.core.plugins.discovery import Broken, Registry, discover_all
from hub.core.site import Site, load_site


@click.group("plugin")
def command() -> None:
    """List plugins, or write a new one."""


@command.command("list")
@folder_option
@json_option
def list_(folder: Path, *, as_json: bool) -> None:
    """List all plugins: how they are in the running hub, or what a hub would start."""
    try:
        site = load_site(folder)
    except ConfigErrors:
        site = None
    registry = discover_all(site)
    broken_verbs = broken_commands(registry)
    try:
        shown = ask(folder, "plugin.list")
    except NoHub:
        shown = _not_running(registry, site)
        click.echo("(no hub runs here; this is what one would start)", err=True)
    shown += [_broken(one) for one in broken_verbs]
    if as_json:
        print_json(shown)
    else:
        rows = [(one["name"], one["version"], one["state"], one["reason"], one["source"]) for one in shown]
        print_table(("plugin", "version", "state", "why", "from"), rows)


@command.command("new")
@click.argument("name")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), default=Path(), help="Where the package's folder goes."
)
def new(name: str, folder: Path) -> None:
    """Write a new plugin: a package with an entry point, a plugin of a few lines, and tests that pass."""
    package = write_plugin(name, folder)
    click.echo(f"Wrote {package}. Next:")
    click.echo(f"  cd {package}")
    click.echo("  pip install --editable .   # into the environment that has Hub, with pytest")
    click.echo("  pytest")
    click.echo(f"  add `{name}:` under `plugins:` in a site's hub.yaml, and start the hub again")


def broken_commands(registry: Registry) -> list[Broken]:
    """The plugins whose verbs could not be added to the command line, with the reason."""
    before = len(registry.broken)
    registry.commands(PluginVerbs(VERBS))
    return registry.broken[before:]


def _not_running(registry: Registry, site: Site | None) -> list[dict[str, Any]]:
    shown = []
    for name, found in sorted(registry.found.items()):
        manifest = found.plugin.manifest
        is_used = site is not None and registry.is_used(name, site)
        state, reason = ("enabled", "") if is_used else ("disabled", "not named under `plugins:` in hub.yaml")
        shown.append(
            {
                "name": name,
                "version": manifest.version,
                "source": found.source,
                "critical": manifest.critical,
                "state": state,
                "reason": reason,
            }
        )
    return shown + [_broken(one) for one in registry.broken if one.source != "command line"]


def _broken(broken: Broken) -> dict[str, Any]:
    reason = redact(broken.reason)
    return {
        "name": broken.name,
        "version": "?",
        "source": broken.source,
        "critical": False,
        "state": "broken",
        "reason": reason,
    }
