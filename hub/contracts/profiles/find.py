"""Finds profiles by name: those that installed packages bring, and a site's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from hub.contracts.profiles.loader import load_profile
from hub.contracts.profiles.model import Profile
from hub.core.config import did_you_mean
from hub.core.errors import HubError, NotFound

GROUP = "hub.device_profiles"
FOLDER = "profiles"
_SUFFIX = ".yaml"
_FILES_MAX = 2_000


class ProfileTwice(HubError):
    """Two files claim one profile's name, so nobody can tell which is meant."""


@dataclass(frozen=True, slots=True)
class ProfileFolder:
    """A place where profiles lie, or why it cannot be looked at."""

    source: str
    """Whose it is: a package, or "this site"."""
    folder: Traversable | None
    problem: str = ""
    root: Path | None = None
    """The folder of the site's secrets, for a site's own profiles."""


def profile_folders(
    site: Path | None = None, points: Iterable[EntryPoint] | None = None
) -> tuple[ProfileFolder, ...]:
    """Where profiles lie: in `profiles/` of every package of the entry-point group, then in a site's own folder.

    A package that cannot be imported stops nobody: its folder says why instead.
    """
    found = []
    for entry in sorted(entry_points(group=GROUP) if points is None else points, key=lambda one: one.name):
        try:
            folder = files(entry.value)
            if (folder / FOLDER).is_dir():
                folder = folder / FOLDER
            found.append(ProfileFolder(entry.name, folder))
        except Exception as error:  # noqa: BLE001 - an import can do anything
            found.append(ProfileFolder(entry.name, None, f"{type(error).__name__}: {error}"))
    if site is not None and (site / FOLDER).is_dir():
        found.append(ProfileFolder("this site", site / FOLDER, root=site))
    return tuple(found)


def profile_files(folders: Iterable[ProfileFolder]) -> Mapping[str, tuple[tuple[ProfileFolder, Traversable], ...]]:
    """Every profile's name with the files that claim it: one, unless somebody made a mistake."""
    found: dict[str, tuple[tuple[ProfileFolder, Traversable], ...]] = {}
    for place in folders:
        inside = sorted(place.folder.iterdir(), key=lambda file: file.name) if place.folder is not None else []
        for file in inside[:_FILES_MAX]:
            if file.name.endswith(_SUFFIX) and not file.name.startswith(".") and file.is_file():
                name = file.name.removesuffix(_SUFFIX)
                found[name] = (*found.get(name, ()), (place, file))
    return dict(sorted(found.items()))


def find_profile(name: str, folders: Iterable[ProfileFolder]) -> Profile:
    """The profile of a name; raises `NotFound`, `ProfileTwice`, or `ConfigErrors` when it is wrong."""
    folders = tuple(folders)
    found = profile_files(folders)
    claims = found.get(name, ())
    if not claims:
        raise NotFound(_not_found(name, found, folders))
    if len(claims) > 1:
        places = " and ".join(f"{file} ({place.source})" for place, file in claims)
        raise ProfileTwice(f"profile {name!r} is there twice: {places}; rename the site's own, in the file as well")
    place, file = claims[0]
    with as_file(file) as path:
        return load_profile(path, place.root)


def _not_found(name: str, found: Mapping[str, object], folders: Iterable[ProfileFolder]) -> str:
    hint = did_you_mean(name, found) or f" There are {', '.join(found) or 'none'}."
    broken = [
        f" The profiles of {place.source} cannot be read: {place.problem}." for place in folders if place.problem
    ]
    return f"there is no device profile {name!r}.{hint}{''.join(broken)}"
