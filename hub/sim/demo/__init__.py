"""A small site of simulated meters, to be copied into a folder and run."""

from __future__ import annotations

import shutil
from pathlib import Path

SITE = Path(__file__).parent / "site"


def copy_site(folder: Path) -> None:
    """Write the demo site's configuration into a folder; data that lies there is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(SITE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
