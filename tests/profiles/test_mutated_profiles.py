"""Whatever is typed into a profile, it loads or is refused with places; nothing else comes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from profile_texts import SMALL, load_text

from hub.core.config import ConfigError, ConfigErrors

TEXT = (
    SMALL
    + """\
channels:
  names: [c1, c2]
  step: 16
  points:
    energy_{band}: {at: 0x0400, each: [a, b], type: bcd, count: 2, kind: counter, counter: {rate_max_per_h: 3}}
forbidden: {input_registers: [0x0010-0x0020]}
frames:
  - name: import
    origin: captured
    request: "01 03 00 82 00 02 64 23"
    reply: "01 03 04 42 28 00 00 6E 43"
    expect: {energy_import: 42}
"""
)
LINES = TEXT.splitlines()
WORDS = (
    "0", "1", "-1", "0x0000", "0xFFFF", "65536", "99999999999999999999", "1e300", "1e-300", "0.1", "999", "5", "16",
    "~", "true", "[]", "{}", "''", "f64", "ascii", "bcd", "bits", "counter", "state", "DCBA", "0-199", "[l1, l2]",
    "'(a+'", "'[[a]'", "'(a|'", "energy_import", "serial", "c1_ct", ".nan", ".inf", "!secret x",
    "!include small.yaml", "&a", "*a", "01", "{a}",
)  # fmt: skip

# A change: a line, where in it to begin, how much to take away, and what to put there.
CHANGES = st.lists(
    st.tuples(
        st.integers(0, len(LINES) - 1),
        st.integers(0, 120),
        st.integers(0, 30),
        st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=100, deadline=None)
@given(changes=CHANGES)
@example(changes=[(8, 40, 0, "0")])
def test_a_changed_profile_loads_or_says_where_it_is_wrong(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int, int, str]]
) -> None:
    lines = list(LINES)
    for number, start, length, text in changes:
        line = lines[number]
        lines[number] = line[:start] + text + line[start + length :]
    check(tmp_path_factory.getbasetemp(), "\n".join(lines))


PLACES = [
    (number, found.start(), found.end())
    for number, line in enumerate(LINES)
    for found in re.finditer(r"[^\s{}\[\],]+", line)
]


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(PLACES), word=st.sampled_from(WORDS))
def test_a_profile_with_one_word_changed_loads_or_says_where_it_is_wrong(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[int, int, int], word: str
) -> None:
    number, start, end = place
    lines = list(LINES)
    lines[number] = lines[number][:start] + word + lines[number][end:]
    check(tmp_path_factory.getbasetemp(), "\n".join(lines))


def check(folder: Path, text: str) -> None:
    refused: tuple[ConfigError, ...] = ()
    try:
        profile = load_text(folder, text)
    except ConfigErrors as errors:
        refused = errors.errors
    else:
        assert profile.id == "small"
        assert profile.points
    for error in refused:
        assert error.mark is not None, error
        assert (error.mark.file, error.mark.line >= 1) == ("small.yaml", True)
