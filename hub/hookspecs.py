"""Every hook on one page. A plugin is a module that implements `hub_plugin`, and the others if it likes.

Hooks are synchronous and only register; a plugin lives in `setup`, `run` and `stop` of its class.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from hub.core.config import ConfigError
    from hub.core.plugins import Check, Plugin
    from hub.core.site import Site

PROJECT = "hub"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def hub_plugin() -> type[Plugin]:  # type: ignore[empty-body]
    """Return the plugin class of this package; it is set up when the hub starts."""


@hookspec
def hub_commands(cli: click.Group) -> None:
    """Add verbs to the command line, usually one group named for the plugin."""


@hookspec
def hub_checks() -> Iterable[Check]:  # type: ignore[empty-body]
    """Return the checks that `hub doctor` runs for this package, without a running hub."""


@hookspec
def hub_check(site: Site) -> Iterable[ConfigError]:  # type: ignore[empty-body]
    """Return what is wrong with this package's own files in a site's folder, for `hub check`."""
