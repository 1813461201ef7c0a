"""What a plugin declares about itself, and what the host calls on it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hub.core.services import AnyKey
from hub.core.storage import Migration

if TYPE_CHECKING:
    from hub.core.plugins.facade import PluginHub

API_VERSION = 1
"""The plugin interface that this core offers; a manifest names the one it was written for."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A plugin's declaration; frozen, so that everybody may hold it."""

    name: str
    """Lower case words joined by underscores; prefixes the plugin's tables (`<name>__...`)."""
    version: str
    description: str
    api: int = API_VERSION
    provides: tuple[AnyKey, ...] = ()
    """Services that `setup` provides; plugins that need them are set up after it."""
    needs: tuple[AnyKey, ...] = ()
    """Services without which the plugin cannot work: it is blocked while one is missing."""
    after: tuple[str, ...] = ()
    """Names of plugins to be set up before this one, if they are there at all."""
    config: Mapping[Any, Any] | None = None
    """Voluptuous schema of the plugin's section in `hub.yaml`; None: it takes no configuration."""
    migrations: tuple[Migration, ...] = ()
    """The plugin's tables in `hub.db`, which survive whatever was acknowledged."""
    history_migrations: tuple[Migration, ...] = ()
    """The plugin's tables in `history.db`; it cannot start while that file is not open."""
    critical: bool = False
    """Much depends on it: restarted for ever, never quarantined, and the site is on hold while it is down."""
    is_default: bool = False
    """Runs without being named in `hub.yaml`."""

    def __post_init__(self) -> None:
        """Refuse a manifest that could not work, with the reason."""
        if not _NAME.fullmatch(self.name) or self.name == "core":
            raise ValueError(
                f"plugin name {self.name!r}: use lower case words joined by underscores, and not 'core'"
            )
        if self.api > API_VERSION:
            raise ValueError(
                f"plugin {self.name!r} was written for plugin interface {self.api}, this hub offers {API_VERSION}; "
                "install a newer hub or an older plugin"
            )


class Plugin(ABC):
    """What an author subclasses. A new object is made for each start of the plugin."""

    manifest: ClassVar[Manifest]

    @abstractmethod
    async def setup(self, hub: PluginHub) -> None:
        """Register everything through `hub` and return soon; raise to say why it cannot start."""

    async def run(self) -> None:
        """Work for as long as the plugin lives, if it has work of its own; returning is fine."""
        return

    async def stop(self) -> None:
        """Let go of what the host does not know of, such as sockets; registrations are undone by the host.

        It is called after `run` has ended, and also after a `setup` that raised or was cut off: look what is there.
        """
        return


CheckResult = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `hub doctor`: what is looked at, and a function that says how it is."""

    name: str
    look: Callable[[], tuple[CheckResult, str]]
