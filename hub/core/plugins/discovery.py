"""Finding plugins: installed ones by entry point, one's own by path; one broken import stops nobody."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import pluggy

import hub
from hub import hookspecs
from hub.core.config import ConfigError, ConfigErrors
from hub.core.plugins.faults import NotAPlugin, in_words
from hub.core.plugins.manifest import Check, Manifest, Plugin
from hub.core.site import Site

T = TypeVar("T")

GROUP = "hub.plugins"
DISTRIBUTION = "prepaid-hub"
CUSTOM_FOLDER = "custom_plugins"
ADVICE = "mend it or take it out, the rest of the hub runs without it"
_CUSTOM_MODULE = "hub_custom_"


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
    is_ours: bool = False


class Registry:
    """The pluggy side of discovery: modules with hooks, and those that could not be taken."""

    def __init__(self) -> None:
        """Know the hooks, and no plugin yet."""
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._sources: dict[str, str] = {}
        self.found: dict[str, Found] = {}
        self.broken: list[Broken] = []

    def names(self) -> set[str]:
        """The names of all plugins that are there, working or broken."""
        return {*self.found, *(one.name for one in self.broken)}

    def is_used(self, name: str, site: Site) -> bool:
        """Whether a site's hub runs the plugin, named or unasked; a package that only has hooks is always used."""
        found = self.found.get(name)
        return name in site.plugins or found is None or found.plugin.manifest.is_default

    def load(
        self, name: str, source: str, load: Callable[[], object], *, is_ours: bool = False, advice: str = ""
    ) -> None:
        """Take the hooks of the module that `load` imports, or note why they cannot be taken."""
        holder = self._sources.get(name)
        if holder is not None:
            reason = f"a plugin {name!r} is there already, from {holder}; rename one of the two or take it out"
            self.broken.append(Broken(name, source, reason))  # never ours: those come first
            return
        self._sources[name] = source
        try:
            module = load()
            if not isinstance(module, ModuleType):
                raise NotAPlugin(f"the entry point names {module!r}; let it name the module that has the hooks")
            plugin = self._take(name, module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - an import can raise anything, and it is that plugin's
            self.broken.append(Broken(name, source, f"{in_words(error)}; {advice or ADVICE}", is_ours))
            return
        if plugin is not None:
            self.found[name] = Found(name, source, plugin, _folder(module), is_ours)

    def _take(self, name: str, module: ModuleType) -> type[Plugin] | None:
        """Register a module's hooks, and ask it for its plugin; None when it only adds to the command line."""
        try:
            self._manager.register(module, name)
            self._manager.check_pending()
            self._look_at_hooks(module)
            hooks = dict(self._implementations("hub_plugin"))
            return _checked(name, hooks[name]()) if name in hooks else None
        except BaseException:
            if self._manager.get_plugin(name) is module:
                self._manager.unregister(name=name)
            raise

    def _look_at_hooks(self, module: ModuleType) -> None:
        callers = self._manager.get_hookcallers(module)
        if not callers:
            unmarked = "hub_plugin() is not marked" if hasattr(module, "hub_plugin") else "it implements no hook"
            raise NotAPlugin(f"{unmarked}; mark a function hub_plugin() with @hub.hookspecs.hookimpl")
        for caller in callers:
            for hook in caller.get_hookimpls():
                if hook.plugin is module and (hook.wrapper or hook.hookwrapper):
                    raise NotAPlugin(f"{caller.name}() is a wrapper; hooks of the hub take plain functions")

    def _implementations(self, hook: str, **given: object) -> Iterator[tuple[str, Callable[[], object]]]:
        """The plugins that implement a hook, with the call: one by one, since one that raises ends pluggy's own."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        for one in caller.get_hookimpls():
            yield one.plugin_name, partial(one.function, *(given[name] for name in one.argnames))

    def commands(self, cli: object) -> None:
        """Let each plugin add its verbs; one that raises is noted and the others go on."""
        for name, add in self._implementations("hub_commands", cli=cli):
            try:
                add()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is wrong with it, it is that plugin's
                self.broken.append(Broken(name, "command line", f"{in_words(error)}; {ADVICE}"))

    def checks(self) -> Iterator[tuple[str, Check]]:
        """The checks of all plugins for `hub doctor`, with the plugin's name; a raising hook is noted."""
        for name, ask in self._implementations("hub_checks"):
            try:
                checks = _listed(ask(), Check, "hub_checks")
            except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
                self.broken.append(Broken(name, "hub doctor", f"{in_words(error)}; {ADVICE}"))
                continue
            for check in checks:
                yield name, check

    def check(self, site: Site) -> list[ConfigError]:
        """What the plugins that a site uses find wrong with their own files in its folder."""
        errors: list[ConfigError] = []
        for name, ask in self._implementations("hub_check", site=site):
            if not self.is_used(name, site):
                continue
            try:
                errors += _listed(ask(), ConfigError, "hub_check")
            except ConfigErrors as found:
                errors += found.errors
            except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
                errors.append(ConfigError(f"plugin {name}: its check failed: {in_words(error)}; {ADVICE}"))
        return errors


def discover_all(site: Site | None, *, only_ours: bool = False) -> Registry:
    """Load what a site may use: installed plugins, and its own in `custom_plugins/` if its hub.yaml allows it."""
    points: Iterable[EntryPoint] = entry_points(group=GROUP)
    if only_ours:  # the others are not even imported: an import can take the process down
        points = [point for point in points if _is_ours(point)]
    registry = discover(points)
    if site is not None and site.custom_plugins and not only_ours:
        discover_folder(registry, site.folder / CUSTOM_FOLDER)
    return registry


def discover(points: Iterable[EntryPoint] | None = None) -> Registry:
    """Load every installed plugin, one by one; of two with one name ours stays."""
    registry = Registry()
    stray = hidden_by()
    for point in sorted(
        points if points is not None else entry_points(group=GROUP),
        key=lambda point: (not _is_ours(point), point.name),
    ):
        source = f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
        is_ours = _is_ours(point)
        advice = stray if is_ours and point.module.split(".")[0] == "plugins" else ""
        registry.load(point.name, source, point.load, is_ours=is_ours, advice=advice)
    return registry


def discover_folder(registry: Registry, folder: Path) -> None:
    """Load one's own plugins: each `NAME.py` or `NAME/__init__.py` in the folder, by path."""
    if not folder.is_dir():
        return
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        registry.broken.append(Broken(folder.name, str(folder), f"{error.strerror}; check the folder's rights"))
        return
    for path in paths:
        file = path / "__init__.py" if path.is_dir() else path
        name = path.name if path.is_dir() else path.stem
        if file.suffix == ".py" and file.is_file() and not name.startswith(("_", ".")):
            registry.load(name, str(file), partial(_load, f"{_CUSTOM_MODULE}{name}", file))


def hidden_by() -> str:
    """What to do about another package `plugins` that Python finds before the hub's own; "" when there is none."""
    ours = Path(hub.__file__).parent.parent / "plugins"
    try:
        spec = importlib.util.find_spec("plugins")
    except (ImportError, ValueError):
        spec = None
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec is not None else []
    if any(place.resolve() == ours.resolve() for place in places[:1]):
        return ""
    found = str(places[0]) if places else "nothing"
    return (
        f"Python finds {found} as the package 'plugins', not {ours}; start the hub by its command `hub`, "
        f"from another folder, or rename that one (your own plugins belong into {CUSTOM_FOLDER}/)"
    )


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == DISTRIBUTION


def _checked(name: str, plugin: object) -> type[Plugin]:
    if not (isinstance(plugin, type) and issubclass(plugin, Plugin)):
        raise NotAPlugin(f"hub_plugin() returned {plugin!r}; return your subclass of hub.core.plugins.Plugin")
    manifest = getattr(plugin, "manifest", None)
    if not isinstance(manifest, Manifest):
        raise NotAPlugin(f"{plugin.__qualname__}.manifest is {manifest!r}; make it a hub.core.plugins.Manifest")
    if inspect.isabstract(plugin):
        raise NotAPlugin(f"{plugin.__qualname__} has no setup(); write `async def setup(self, hub)`")
    for step in ("setup", "run", "stop"):
        if not inspect.iscoroutinefunction(getattr(plugin, step)):
            raise NotAPlugin(f"{plugin.__qualname__}.{step} is a plain function; write `async def {step}`")
    if manifest.name != name:
        raise NotAPlugin(
            f"its manifest says name {manifest.name!r}, but it was found as {name!r}; make them the same"
        )
    return plugin


def _listed(given: object, kind: type[T], hook: str) -> list[T]:
    listed: list[T] = []
    for one in given if isinstance(given, Iterable) else [given]:
        if not isinstance(one, kind):
            raise NotAPlugin(f"{hook}() gave {one!r}; return a list of {kind.__qualname__}")
        listed.append(one)
    return listed


def _load(name: str, file: Path) -> ModuleType:
    within = [str(file.parent)] if file.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=within)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for loaded in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
            del sys.modules[loaded]
        raise
    return module


def _folder(module: ModuleType) -> str:
    """What a plugin's files begin with: its package's folder, or the one file that it is."""
    file = Path(module.__file__ or "")
    package = (module.__package__ or "").split(".")[0]
    is_in_package = file.name == "__init__.py" or (package and package not in {"hub", "plugins"})
    return f"{file.parent}/" if is_in_package else str(file)
