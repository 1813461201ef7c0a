"""Verbs of plugins: loaded only when they are asked for or listed, and a broken one stops no other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from hub.cli.group import PluginVerbs, Verb
from hub.core.config import ConfigErrors
from hub.core.plugins.discovery import discover_all
from hub.core.site import load_site


def plugin_verbs(taken: Mapping[str, Verb]) -> click.Group:
    """The verbs of all plugins that can be loaded, those of the current folder's site among them."""
    verbs = PluginVerbs(taken)
    try:
        site = load_site(Path())
    except ConfigErrors:
        site = None  # most commands are typed outside of any site
    discover_all(site).commands(verbs)
    return verbs
