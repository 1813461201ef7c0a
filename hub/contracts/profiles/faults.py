"""Collects what is wrong with a profile, each at the place in its file where it is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hub.core.config import ConfigError, ConfigErrors, Mark, mark_of

Path = tuple[str | int, ...]


class Faults:
    """The faults of one file."""

    def __init__(self, document: object, start: Mark) -> None:
        """Find places in a loaded document; what has none is shown at its start."""
        self._document = document
        self._start = start
        self._errors: list[ConfigError] = []

    def add(self, path: Path, text: str, *, at_key: bool = False) -> None:
        """Note a fault of the value at a path, or of its key."""
        mark = mark_of(self._document, path, of_key=at_key) or self._start
        self._errors.append(ConfigError(f"profile at {_shown(path)}: {text}", mark))

    def place(self, path: Path) -> Mark:
        """Where a value is written, for an error text that speaks of two places."""
        return mark_of(self._document, path, of_key=True) or self._start

    def raise_any(self) -> None:
        """Raise `ConfigErrors` if anything was noted."""
        if self._errors:
            raise ConfigErrors(self._errors)


def listed(words: Iterable[object]) -> str:
    """Words for an error text: `1, 3 and 5`."""
    texts: Sequence[str] = [str(word) for word in words]
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def _shown(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
