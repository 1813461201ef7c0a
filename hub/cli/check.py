"""`hub check`: everything that is wrong in a site's files, at once."""

from __future__ import annotations

from pathlib import Path

import click

from hub.cli import exits
from hub.cli.options import folder_argument
from hub.core.config import ConfigDict, ConfigError, ConfigErrors, redact, validate
from hub.core.plugins.discovery import CUSTOM_FOLDER, Registry, discover, discover_folder
from hub.core.plugins.section import check_section
from hub.core.site import FILE, SCHEMA, Site, read_site_file, sections_of, site_from, unknown_plugins


@click.command("check")
@folder_argument
def command(folder: Path) -> None:
    """Check a site's configuration and rules.

    Prints every error as file:line:column; exit code 1 when there is one. Nothing is started.
    """
    try:
        site = check_site(folder)
    except ConfigErrors as found:
        click.echo(redact(str(found)), err=True)
        count = len(found.errors)
        click.echo(f"{count} error{'s' if count > 1 else ''} in {folder}", err=True)
        raise SystemExit(exits.ERRORS) from None
    configured = f"{len(site.plugins)} plugin{'s' if len(site.plugins) != 1 else ''} configured"
    click.echo(f"{folder} is fine: site {site.name!r}, {configured}")


def check_site(folder: Path) -> Site:
    """The site, when all its files are right; raises `ConfigErrors` with everything that is wrong in any."""
    raw = read_site_file(folder)
    errors: list[ConfigError] = []
    site: Site | None = None
    try:
        site = site_from(folder, validate(raw, SCHEMA, where=FILE, mark=raw.mark))
    except ConfigErrors as found:
        errors += found.errors
    registry = discover()
    if raw.get("custom_plugins") is True:  # also when something else in the file is wrong
        discover_folder(registry, folder / CUSTOM_FOLDER)
    errors += unknown_plugins(raw, registry.names())
    errors += _check_sections(raw, registry, site)
    if site is None:
        raise ConfigErrors(errors)
    errors += registry.check(site)
    if errors:
        raise ConfigErrors(errors)
    return site


def _check_sections(raw: ConfigDict, registry: Registry, site: Site | None) -> list[ConfigError]:
    """What is wrong in the plugins' sections; those that run unasked are checked with an empty one."""
    errors: list[ConfigError] = []
    sections = sections_of(raw.get("plugins"))
    for name, found in registry.found.items():
        if name in sections or (site is not None and registry.is_used(name, site)):
            try:
                check_section(found.plugin.manifest, sections.get(name, ConfigDict()))
            except ConfigErrors as wrong:
                errors += wrong.errors
    for broken in registry.broken:
        if broken.name in sections:
            errors.append(
                ConfigError(f"plugin {broken.name} cannot be loaded: {broken.reason}", sections[broken.name].mark)
            )
    return errors
