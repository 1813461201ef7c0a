"""Did you mean: the closest known name to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

# Both bound the time of a suggestion: difflib compares the word with every candidate.
_WORD_LENGTH_MAX = 100
_CANDIDATES_MAX = 10_000


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """A sentence to append to an error text, " Did you mean 'x'?", or "" when nothing is close."""
    if not word or len(word) > _WORD_LENGTH_MAX:
        return ""
    by_folded = {candidate.casefold(): candidate for candidate in islice(candidates, _CANDIDATES_MAX)}
    close = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f" Did you mean {by_folded[close[0]]!r}?" if close else ""
