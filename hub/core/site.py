"""A site's folder: what `hub.yaml` says, and where everything lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import voluptuous as vol

from hub.core.config import ConfigDict, ConfigError, ConfigErrors, Mark, did_you_mean, load, validate
from hub.core.config.fields import time_zone

FILE = "hub.yaml"

SCHEMA = vol.Schema(
    {
        vol.Required("site"): {
            vol.Required("name"): vol.All(str, vol.Length(min=1, max=200)),
            vol.Required("time_zone"): time_zone,
        },
        vol.Optional("plugins", default=dict): {str: vol.Any(dict, None)},
        vol.Optional("custom_plugins", default=False): bool,
        vol.Optional("limits", default=dict): {
            vol.Optional("memory_mb", default=1024): vol.All(int, vol.Range(min=64)),
            vol.Optional("ballast_mb", default=64): vol.All(int, vol.Range(min=0, max=4096)),
        },
    }
)


@dataclass(frozen=True, slots=True)
class Site:
    """One site: its folder and the core's part of its configuration."""

    folder: Path
    name: str
    time_zone: ZoneInfo
    plugins: Mapping[str, ConfigDict]
    """Each configured plugin's own section."""
    custom_plugins: bool = False
    memory_mb: int = 1024
    ballast_mb: int = 64

    @property
    def data(self) -> Path:
        """Where the databases, the lock and the control socket lie."""
        return self.folder / "data"

    @property
    def socket(self) -> Path:
        """The control socket."""
        return self.data / "hub.sock"

    @property
    def backups(self) -> Path:
        """Where copies of the databases go."""
        return self.data / "backups"


def load_site(folder: Path) -> Site:
    """Read a site's `hub.yaml`; raises `ConfigErrors` with everything that is wrong in it."""
    path = folder / FILE
    if not path.is_file():
        raise ConfigErrors(
            [
                ConfigError(
                    f"there is no {FILE} in {folder}; make a site with `hub init {folder}`, or name its folder"
                )
            ]
        )
    loaded = load(path, root=folder)
    if not isinstance(loaded.value, ConfigDict):
        raise ConfigErrors([ConfigError(f"{FILE} must be a mapping with `site:` and `plugins:`", loaded.mark)])
    config = validate(loaded.value, SCHEMA, where=FILE, mark=loaded.mark)
    return site_from(folder, config)


def site_from(folder: Path, config: Mapping[str, object]) -> Site:
    """The site that a checked configuration describes."""
    place, limits, plugins = config["site"], config["limits"], config["plugins"]
    assert isinstance(place, dict)
    assert isinstance(limits, dict)
    assert isinstance(plugins, dict)
    return Site(
        folder,
        str(place["name"]),
        place["time_zone"],
        {
            name: section if isinstance(section, ConfigDict) else ConfigDict(section or {})
            for name, section in plugins.items()
        },
        bool(config["custom_plugins"]),
        int(limits["memory_mb"]),
        int(limits["ballast_mb"]),
    )


def unknown_plugins(site: Site, known: set[str]) -> list[ConfigError]:
    """Sections of `plugins:` that no plugin has, with the name that was probably meant."""
    errors = []
    for name, section in site.plugins.items():
        if name not in known:
            hint = did_you_mean(name, known)
            where: Mark | None = section.mark
            errors.append(
                ConfigError(
                    f"{FILE}: there is no plugin {name!r}.{hint or ' Install it, or take the section out.'}", where
                )
            )
    return errors
