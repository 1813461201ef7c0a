"""The program's own name, as people can type it again."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def program() -> str:
    """How this program was started, for commands that it prints: by name if the shell finds it."""
    started = Path(sys.argv[0]).absolute()
    if started.name == "__main__.py":
        package = ".".join(started.parts[-3:-1])
        return f"{shlex.quote(_shorter(Path(sys.executable)))} -m {package}"
    in_path = shutil.which(started.name)
    if in_path is not None and Path(in_path).absolute() == started:
        return started.name
    return shlex.quote(_shorter(started))


def _shorter(path: Path) -> str:
    """The path, or the way to it from here when that is shorter."""
    here = os.path.relpath(path)
    return min(str(path), here if "/" in here else f"./{here}", key=len)
