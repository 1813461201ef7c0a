"""A site's folder: what `hub.yaml` says, and where everything lies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import voluptuous as vol

from hub.core.config import ConfigDict, ConfigError, ConfigErrors, did_you_mean, load, validate
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
    """Each configured plugin's own section; one that is written without anything in it knows its place too."""
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
    raw = read_site_file(folder)
    return site_from(folder, validate(raw, SCHEMA, where=FILE, mark=raw.mark))


def read_site_file(folder: Path) -> ConfigDict:
    """What `hub.yaml` says, not checked yet; raises `ConfigErrors` when it is missing or no YAML mapping."""
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
    return loaded.value


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
        sections_of(plugins),
        bool(config["custom_plugins"]),
        int(limits["memory_mb"]),
        int(limits["ballast_mb"]),
    )


def sections_of(plugins: object) -> dict[str, ConfigDict]:
    """Each plugin's section of `plugins:`, as far as they are mappings."""
    sections: dict[str, ConfigDict] = {}
    for name, written in plugins.items() if isinstance(plugins, dict) else ():
        section = written if isinstance(written, ConfigDict) else ConfigDict()
        if section is not written and isinstance(plugins, ConfigDict):
            section.file, section.place = plugins.file, plugins.key_mark(name)
        sections[name] = section
    return sections


def unknown_plugins(written: ConfigDict, known: Collection[str]) -> list[ConfigError]:
    """Sections of `plugins:` in a site's file that no plugin has, with the name that was probably meant."""
    plugins = written.get("plugins")
    errors: list[ConfigError] = []
    if not isinstance(plugins, ConfigDict):
        return errors
    for name in plugins:
        if name not in known:
            hint = did_you_mean(name, known) or " Install it, or take the section out."
            errors.append(ConfigError(f"{FILE}: there is no plugin {name!r}.{hint}", plugins.key_mark(name)))
    return errors
