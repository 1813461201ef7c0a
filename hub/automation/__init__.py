"""The rule engine: YAML rules with latched thresholds and durable runs."""

from collections.abc import Iterable

from hub.core.config import ConfigError
from hub.core.plugins import Plugin
from hub.core.site import Site
from hub.hookspecs import hookimpl


@hookimpl
def hub_plugin() -> type[Plugin]:
    """The rule engine."""
    from hub.automation.plugin import AutomationPlugin

    return AutomationPlugin


@hookimpl
def hub_check(site: Site) -> Iterable[ConfigError]:
    """Everything that is wrong in the site's rules."""
    from hub.automation.rules import check_rules

    return check_rules(site.folder)
