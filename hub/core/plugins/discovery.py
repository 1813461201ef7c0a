"""Finding plugins: installed ones by entry point, one's own by path; one broken import stops nobody."""

from __future__ import annotations

import importlib.util
import logging
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

import pluggy

from hub import hookspecs
from hub.core.config import ConfigError, ConfigErrors
from hub.core.plugins.manifest import Check, Plugin
from hub.core.site import Site

log = logging.getLogger(__name__)

GROUP = "hub.plugins"
DISTRIBUTION = "prepaid-hub"


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that can be set up."""

    name: str
    source: str
    plugin: type[Plugin]
    folder: str = ""
    """Where its code lies, for attributing what blocks or leaks."""
    is_ours: bool = False
    """Part of this distribution; what safe mode still runs."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that could not be loaded, and why."""

    name: str
    source: str
    reason: str


class Registry:
    """The pluggy side of discovery: modules with hooks, and those that could not be taken."""

    def __init__(self) -> None:
        """Know the hooks, and no plugin yet."""
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.found: dict[str, Found] = {}
        self.broken: list[Broken] = []

    def add(self, name: str, source: str, module: ModuleType, is_ours: bool = False) -> None:
        """Take a module's hooks, or note why they cannot be taken."""
        try:
            self._manager.register(module, name)
            self._manager.check_pending()
            plugin = self._plugin_of(name, module)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is that plugin's
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            self.broken.append(Broken(name, source, _reason(error)))
            return
        if plugin is not None:
            self.found[name] = Found(name, source, plugin, _folder(module), is_ours)

    def _plugin_of(self, name: str, module: ModuleType) -> type[Plugin] | None:
        hook = getattr(module, "hub_plugin", None)
        if hook is None:
            return None
        plugin = hook()
        if not (isinstance(plugin, type) and issubclass(plugin, Plugin)):
            raise TypeError(f"hub_plugin() returned {plugin!r}; return your subclass of hub.core.plugins.Plugin")
        if plugin.manifest.name != name:
            raise ValueError(
                f"the manifest says name {plugin.manifest.name!r}, but it was found as {name!r}; make them the same"
            )
        return plugin

    def names(self) -> set[str]:
        """The names of all plugins that are there, working or broken."""
        return {*self.found, *(one.name for one in self.broken)}

    def commands(self, cli: object) -> None:
        """Let each plugin add its verbs; one that raises is noted and the others go on."""
        for name, module in self._manager.list_name_plugin():
            hook = getattr(module, "hub_commands", None)
            if hook is not None:
                try:
                    hook(cli)
                except Exception as error:  # noqa: BLE001 - see above
                    self.broken.append(Broken(name, "command line", _reason(error)))

    def checks(self) -> Iterator[tuple[str, Check]]:
        """The checks of all plugins for `hub doctor`, with the plugin's name; a raising hook is noted."""
        for name, module in self._manager.list_name_plugin():
            hook = getattr(module, "hub_checks", None)
            if hook is not None:
                try:
                    offered = list(hook())
                except Exception as error:  # noqa: BLE001 - see above
                    self.broken.append(Broken(name, "hub doctor", _reason(error)))
                    continue
                for check in offered:
                    yield name, check

    def check(self, site: Site) -> list[ConfigError]:
        """What the plugins that a site uses find wrong with their own files in its folder."""
        errors: list[ConfigError] = []
        for name, module in self._manager.list_name_plugin():
            hook = getattr(module, "hub_check", None)
            if hook is None or not self.is_used(name, site):
                continue
            try:
                errors += hook(site)
            except ConfigErrors as found:
                errors += found.errors
            except Exception as error:  # noqa: BLE001 - see above
                errors.append(ConfigError(f"plugin {name}: its check failed: {_reason(error)}"))
        return errors

    def is_used(self, name: str, site: Site) -> bool:
        """Whether a site's hub runs the plugin, named or unasked; a package that only has hooks is always used."""
        found = self.found.get(name)
        return name in site.plugins or found is None or found.plugin.manifest.is_default


def discover(points: Iterable[EntryPoint] | None = None) -> Registry:
    """Load every installed plugin, one by one."""
    registry = Registry()
    for entry in sorted(points if points is not None else entry_points(group=GROUP), key=lambda point: point.name):
        source = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value
        try:
            module = entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an import can do anything
            registry.broken.append(Broken(entry.name, source, _reason(error)))
            continue
        is_ours = entry.dist is not None and entry.dist.name == DISTRIBUTION
        registry.add(entry.name, source, module, is_ours)
    return registry


def discover_folder(registry: Registry, folder: Path) -> None:
    """Load one's own plugins: each `NAME.py` or `NAME/__init__.py` in the folder, by path."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        file = path / "__init__.py" if path.is_dir() else path
        name = path.stem
        if file.suffix != ".py" or not file.is_file() or name.startswith(("_", ".")):
            continue
        if name in registry.found:
            registry.broken.append(
                Broken(
                    name, str(file), f"a plugin {name!r} is installed already; rename the folder or uninstall it"
                )
            )
            continue
        try:
            module = _load(f"hub_custom_{name}", file)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an import can do anything
            registry.broken.append(Broken(name, str(file), _reason(error)))
            continue
        registry.add(name, str(file), module)


def _load(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(file.parent)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _folder(module: ModuleType) -> str:
    file = Path(module.__file__ or "")
    return f"{file.parent}/" if file.name == "__init__.py" else str(file)


def _reason(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}; fix it or take it out, the rest of the hub runs without it"
