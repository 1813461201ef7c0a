"""Whether Python took our packages for ours: a folder named `plugins` in its way would be run instead."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import hub


def stray_packages() -> str:
    """What is wrong with where `plugins` was found, and what to do; empty when it is ours."""
    ours = Path(hub.__file__).parent.parent / "plugins"
    spec = find_spec("plugins")
    places = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    if any(place.resolve() == ours.resolve() for place in places[:1]):
        return ""
    found = str(places[0]) if places else "nothing"
    return (
        f"Python finds {found} as the package 'plugins', not {ours}; start the hub by its command `hub`, "
        "from another folder, or rename that one (your own plugins belong into custom_plugins/)"
    )
