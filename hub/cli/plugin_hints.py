"""Whether plugins may add verbs, found without importing any: `hub --help` has to be quick."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

HOOK = b"hub_commands"


def may_add_verbs(folder: Path) -> bool:
    """Whether an installed plugin, or one in a site's `custom_plugins`, speaks of the hook at all."""
    files = [_source(entry) for entry in entry_points(group="hub.plugins")]
    custom = folder / "custom_plugins"
    files += [*custom.glob("*.py"), *custom.glob("*/__init__.py")]
    return any(_speaks_of_it(file) for file in files if file is not None)


def _source(entry: EntryPoint) -> Path | None:
    """Where a plugin's module lies; found by path, since asking Python would import the packages around it."""
    package, *inner = entry.module.split(".")
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):  # it is broken or gone; `hub doctor` says so
        return None
    if spec is None or not spec.submodule_search_locations:
        return None if spec is None or spec.origin is None else Path(spec.origin)
    module = Path(spec.submodule_search_locations[0], *inner)
    return module / "__init__.py" if module.is_dir() else module.with_suffix(".py")


def _speaks_of_it(file: Path) -> bool:
    try:
        return HOOK in file.read_bytes()
    except OSError:
        return False
