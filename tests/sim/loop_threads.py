"""The threads of a virtual loop's default executor, by their name: a count would take in other tests' threads."""

from __future__ import annotations

import threading


def executor_threads() -> list[threading.Thread]:
    """Those that are alive now."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("virtual")]
