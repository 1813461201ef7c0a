"""Verbs of plugins: loaded only when they are asked for or listed, and a broken one stops no other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from hub.cli.group import PluginVerbs, Verb
from hub.core.config import ConfigErrors
from hub.core.plugins.discovery import Registry, discover, discover_folder
from hub.core.site import Site, load_site

CUSTOM_PLUGINS = "custom_plugins"


def plugin_verbs(taken: Mapping[str, Verb]) -> click.Group:
    """The verbs of all plugins that can be loaded, those of the current folder's site among them."""
    verbs = PluginVerbs(taken)
    try:
        site = load_site(Path())
    except ConfigErrors:
        site = None  # most commands are typed outside of any site
    find_plugins(site).commands(verbs)
    return verbs


def find_plugins(site: Site | None) -> Registry:
    """All installed plugins, and the site's own ones where it allows them."""
    registry = discover()
    if site is not None and site.custom_plugins:
        discover_folder(registry, site.folder / CUSTOM_PLUGINS)
    return registry
