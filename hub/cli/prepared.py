"""A hub built from a site's folder, after every check that a start makes before it, whoever wants to start it."""

from __future__ import annotations

import logging
from pathlib import Path

from hub.cli.starts import Starts
from hub.core.clock import SystemClock
from hub.core.config import ConfigErrors, validate
from hub.core.errors import HubError
from hub.core.hub import Hub
from hub.core.ids import SystemIds
from hub.core.plugins.discovery import discover_all, hidden_by
from hub.core.site import FILE, SCHEMA, read_site_file, site_from, unknown_plugins

log = logging.getLogger(__name__)

LEAVING_SAFE_MODE = (
    "the last %d starts never came to run, so this one is in safe mode: only plugins that come with Hub are "
    "started. Mend or remove the plugin that was started last (`hub doctor` and the log name broken ones), then "
    "restart the hub: that leaves safe mode"
)


class StrayPackages(HubError):
    """Other packages than the hub's own would be run under its names."""


def prepare_hub(folder: Path, *, safe: bool = False) -> tuple[Hub, Starts]:
    """Build the hub of a folder, and count the start that is to follow; in safe mode after too many failed ones."""
    strays = hidden_by()
    if strays:
        raise StrayPackages(strays)
    raw = read_site_file(folder)
    site = site_from(folder, validate(raw, SCHEMA, where=FILE, mark=raw.mark))
    starts = Starts(site.data)
    failed = starts.begin()
    is_safe_mode = safe or failed >= starts.FAILED_MAX
    if is_safe_mode and not safe:
        log.error(LEAVING_SAFE_MODE, failed)
    registry = discover_all(site, only_ours=is_safe_mode)
    unknown = [] if is_safe_mode else unknown_plugins(raw, registry.names())
    if unknown:
        starts.does_not_count()
        raise ConfigErrors(unknown)
    found = list(registry.found.values())
    hub = Hub(site, SystemClock(), SystemIds(), found=found, broken=registry.broken, is_safe_mode=is_safe_mode)
    return hub, starts
