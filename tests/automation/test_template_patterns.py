"""Regular expressions in templates: what people write runs, what could run for ever is refused before it starts."""

from __future__ import annotations

from time import process_time  # noqa: TID251 - what a pattern costs is real time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from template_world import TinyWorld

from hub.automation.templates import TemplateError, TemplateTooCostly, compile_template

SEARCH = compile_template("{{ text | regex_search(pattern) }}", "t")
FIND_ALL = compile_template("{{ text | regex_findall(pattern) | length }}", "t")

STATE = "Shop 12 (east): 230.5 V, 5.2 A; paid 2026-11-21 10:30 by wechat " * 3
ORDINARY = {
    "a number": r"-?\d+(?:\.\d+)?",
    "a number in a group": r"(\d+(\.\d+)?)",
    "a date": r"(\d{4})-(\d{2})-(\d{2})",
    "a time": r"\d{1,2}:\d{2}(:\d{2})?",
    "an entity id": r"^[a-z_]+\.[a-z0-9_]+$",
    "two words anywhere": r".*paid.*wechat.*",
    "between brackets": r"\((.*?)\)",
    "a choice": r"wechat|alipay|cash",
    "a choice in a group": r"by (wechat|alipay|cash)",
    "a quoted text": r"\"[^\"]*\"",
    "a word at the end": r"\w+\s*$",
    "key and value": r"(\w+)=(\w+)",
    "looking ahead": r"\d+(?= V)",
    "looking behind": r"(?<=paid )\S+",
    "a mail address": r"[^@\s]+@[^@\s]+\.[a-z]{2,}",
    "a telephone number": r"\+?[0-9 -]{6,20}",
    "a hexadecimal number": r"0x[0-9a-fA-F]+",
    "lazy": r"Shop.*?V",
    "nothing": r"",
}


@pytest.mark.parametrize("pattern", ORDINARY.values(), ids=ORDINARY.keys())
def test_an_ordinary_pattern_runs_on_an_ordinary_text(pattern: str) -> None:
    variables = {"text": STATE, "pattern": pattern}
    assert SEARCH.render(TinyWorld(), variables) in {"True", "False"}
    assert int(FIND_ALL.render(TinyWorld(), variables)) >= 0


REFUSED = {
    "a repeat in a repeat": r"(a+)+b",
    "a repeat in a repeat with words": r"(\w+\s*)+:",
    "two ways to the same": r"(a|a)*b",
    "many optional letters": "a?" * 30 + "a" * 30,
    "a counted repeat of a repeat": r"(.*a){20}",
    "in a look-ahead": r"(?=(a+)+b)",
    "after a group that is referred to": r"(a*)*\1b",
}


@pytest.mark.parametrize("pattern", REFUSED.values(), ids=REFUSED.keys())
def test_a_pattern_that_could_run_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(TemplateTooCostly, match=r"could try .* ways on a text of 60 characters; write it without"):
        SEARCH.render(TinyWorld(), {"text": "a" * 60, "pattern": pattern})


def test_the_same_pattern_runs_on_a_short_text_and_not_on_a_long_one() -> None:
    pattern = r"a.*b.*c.*d"
    assert SEARCH.render(TinyWorld(), {"text": "a b c" * 10, "pattern": pattern}) == "False"
    with pytest.raises(TemplateTooCostly, match="on a text of 5000 characters"):
        SEARCH.render(TinyWorld(), {"text": "a b c" * 1000, "pattern": pattern})


def test_a_wrong_pattern_says_what_is_wrong() -> None:
    with pytest.raises(TemplateError, match=r"t: line 1 of the template: the pattern '\(a' is wrong: missing \)"):
        SEARCH.render(TinyWorld(), {"text": "a", "pattern": "(a"})


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", r"\w", "ab", "^", "$"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "+?"])).map(
            lambda p: f"(?:{p[0]}){p[1]}"
        ),
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}|{p[1]})"),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(PATTERNS, st.integers(1, 300), st.sampled_from(["a", "ab", "aab"]))
def test_whatever_the_pattern_it_ends_in_time(pattern: str, length: int, of: str) -> None:
    """The count of ways is an upper bound: no pattern that is let through takes long, found or not."""
    variables = {"text": (of * length)[:length] + "!", "pattern": pattern + "c"}
    start = process_time()
    for template in (SEARCH, FIND_ALL):
        template.look(TinyWorld(), variables)
    assert process_time() - start < 0.2
