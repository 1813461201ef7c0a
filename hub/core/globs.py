"""Many globs against one name, fast: each is filed under the literal text it begins or ends with."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from fnmatch import translate
from functools import lru_cache
from itertools import islice
from typing import Generic, TypeVar

_WILD = re.compile(r"[*?]|\[!?\]?[^\]]*\]|\[")

W = TypeVar("W", bound=Hashable)


class Glob:
    """A glob (`*`, `?`, `[...]`) over whole names."""

    __slots__ = ("_has", "_match", "end", "start", "text")

    def __init__(self, text: str) -> None:
        """Compile it; `start` and `end` are its literal text before the first and after the last wildcard."""
        literals = _WILD.split(text)
        self.text = text
        self.start = literals[0]
        self.end = literals[-1]
        self._has = max(literals, key=len)
        self._match = re.compile(translate(text)).match

    def matches(self, name: str) -> bool:
        """Whether a whole name fits; most that do not are told by one look for the longest literal text."""
        return self._has in name and self._match(name) is not None


@lru_cache(maxsize=4096)
def compiled(text: str) -> Glob:
    """The glob of a text; compiled once."""
    return Glob(text)


def names_in(glob: Glob, names: Sequence[str]) -> Iterator[str]:
    """Those of the sorted names that a glob matches."""
    first = bisect_left(names, glob.start)
    for name in islice(names, first, None):
        if not name.startswith(glob.start):
            return
        if glob.matches(name):
            yield name


class GlobIndex(Generic[W]):
    """Who wants the names that match a glob; a name is tried against the few globs that share its start or end."""

    def __init__(self) -> None:
        """Start without globs."""
        self._by_start = _Ends()
        self._by_end = _Ends()
        self._wanted_by: dict[str, dict[W, None]] = {}

    def add(self, text: str, who: W) -> None:
        """File a glob for somebody."""
        if text not in self._wanted_by:
            self._wanted_by[text] = {}
            glob = compiled(text)
            self._file(glob).add(_filed_under(glob), glob)
        self._wanted_by[text][who] = None

    def discard(self, text: str, who: W) -> None:
        """Take back somebody's glob."""
        wanted_by = self._wanted_by.get(text, {})
        wanted_by.pop(who, None)
        if not wanted_by and text in self._wanted_by:
            del self._wanted_by[text]
            glob = compiled(text)
            self._file(glob).discard(_filed_under(glob), glob)

    def who_wants(self, name: str) -> Iterator[W]:
        """Everybody with a glob that the name matches; once for each such glob."""
        for length, globs in self._by_start.by_length.items():
            for glob in globs.get(name[:length], ()):
                if glob.matches(name):
                    yield from self._wanted_by[glob.text]
        for length, globs in self._by_end.by_length.items():
            for glob in globs.get(name[-length:], ()):
                if glob.matches(name):
                    yield from self._wanted_by[glob.text]

    def _file(self, glob: Glob) -> _Ends:
        return self._by_end if len(glob.end) > len(glob.start) else self._by_start


def _filed_under(glob: Glob) -> str:
    return glob.end if len(glob.end) > len(glob.start) else glob.start


class _Ends:
    """Globs by literal text, grouped by its length, so that a name needs one look-up for each length."""

    __slots__ = ("by_length",)

    def __init__(self) -> None:
        self.by_length: dict[int, dict[str, list[Glob]]] = {}

    def add(self, literal: str, glob: Glob) -> None:
        self.by_length.setdefault(len(literal), {}).setdefault(literal, []).append(glob)

    def discard(self, literal: str, glob: Glob) -> None:
        filed = self.by_length[len(literal)]
        filed[literal] = [other for other in filed[literal] if other.text != glob.text]
        if not filed[literal]:
            del filed[literal]
        if not filed:
            del self.by_length[len(literal)]
