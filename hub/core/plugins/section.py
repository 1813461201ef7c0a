"""Checks a plugin's section of `hub.yaml` against its manifest."""

from __future__ import annotations

import voluptuous as vol

from hub.core.config import ConfigDict, validate
from hub.core.plugins.manifest import Manifest


def check_section(manifest: Manifest, section: ConfigDict) -> dict[str, object]:
    """The section as the plugin's schema makes it; raises `ConfigErrors` with the place of each error."""
    schema = vol.Schema(dict(manifest.config or {}))
    return validate(section, schema, where=f"plugin {manifest.name}", mark=section.mark)
