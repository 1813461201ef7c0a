"""What is wrong in a site's rules, found without a running hub."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from hub.automation.language import Finding, Known, Loaded, check, load_site_rules
from hub.contracts.providers import PROVIDERS, provider_key
from hub.core.config import ConfigError
from hub.core.plugins import discover_all
from hub.core.site import Site


def errors_of(site: Site) -> list[ConfigError]:
    """What stops a rule from being run, or one of its steps from ever working."""
    loaded, findings = look(site.folder, providers_of(site))
    errors = [error for one in loaded.invalid for error in one.errors]
    return errors + [found.error for found in findings if found.severity == "error"]


def look(folder: Path, providers: Collection[str] = ()) -> tuple[Loaded, list[Finding]]:
    """The rules of a folder, and what a check finds in those that can be loaded."""
    loaded = load_site_rules(folder, providers=providers)
    return loaded, check(loaded, Known())


def providers_of(site: Site) -> list[str]:
    """The provided triggers that plugins of the site promise to offer."""
    registry = discover_all(site)
    promised = {
        key
        for name, found in registry.found.items()
        if registry.is_used(name, site)
        for key in found.plugin.manifest.provides
    }
    return [name for name in PROVIDERS if provider_key(name) in promised]
