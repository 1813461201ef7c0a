"""How a socket's path is given to the system: a name in a socket address holds about 100 bytes, a path more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATH_BYTES_MAX = 100


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """The path, or while it is too long for an address, another one that leads to the same place."""
    plain = str(path)
    if len(os.fsencode(plain)) <= PATH_BYTES_MAX:
        yield plain
        return
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
