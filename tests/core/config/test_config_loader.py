"""Loading gives plain values that know their places, through includes, aliases and merges."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.config import ConfigDict, ConfigErrors, ConfigList, Loaded, Mark, load, mark_of
from hub.core.config import parser as yaml_parser

HUB = """\
# a comment
name: North
points:
  - id: one
    labels: [shop, east]
  - {id: two,
     ratio: 40}
rules: !include rules/first.yaml
"""
FIRST = "\n- id: warn\n  at: 12:30\n"


@pytest.fixture(params=["libyaml", "pure Python"])
def _each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "libyaml" and not yaml_parser.has_c_parser:
        pytest.skip("PyYAML has no libyaml here")
    monkeypatch.setattr(yaml_parser, "has_c_parser", request.param == "libyaml")


@pytest.mark.usefixtures("_each_parser")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([], "hub.yaml:2:1"),
        (["name"], "hub.yaml:2:7"),
        (["points"], "hub.yaml:4:3"),
        (["points", 0], "hub.yaml:4:5"),
        (["points", 0, "labels", 1], "hub.yaml:5:20"),
        (["points", 1, "ratio"], "hub.yaml:7:13"),
        (["rules"], "rules/first.yaml:2:1"),
        (["rules", 0, "at"], "rules/first.yaml:3:7"),
    ],
    ids=str,
)
def test_every_value_knows_its_place(path: list[str | int], expected: str, tmp_path: Path) -> None:
    value = load(_write(tmp_path, {"hub.yaml": HUB, "rules/first.yaml": FIRST})).value

    assert str(mark_of(value, path)) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (["points", 0, "labels"], "hub.yaml:5:5"),
        (["points", 1, "ratio"], "hub.yaml:7:6"),
        (["rules"], "hub.yaml:8:1"),
        (["rules", 0, "at"], "rules/first.yaml:3:3"),
    ],
    ids=str,
)
def test_every_key_knows_its_place(path: list[str | int], expected: str, tmp_path: Path) -> None:
    value = load(_write(tmp_path, {"hub.yaml": HUB, "rules/first.yaml": FIRST})).value

    assert str(mark_of(value, path, of_key=True)) == expected


@pytest.mark.parametrize(
    "path",
    [["points", 0, "serial"], ["points", 0, "id", "x"], ["points", 0, 3]],
    ids=["a missing key", "below a text", "a wrong kind of step"],
)
def test_a_path_that_does_not_exist_gives_its_nearest_parent(path: list[str | int], tmp_path: Path) -> None:
    value = load(_write(tmp_path, {"hub.yaml": HUB, "rules/first.yaml": FIRST})).value

    mark = mark_of(value, path)

    assert mark is not None
    assert mark.line == 4


def test_a_key_that_does_not_exist_gives_the_value_around_it(tmp_path: Path) -> None:
    value = load(_write(tmp_path, {"hub.yaml": HUB, "rules/first.yaml": FIRST})).value

    assert str(mark_of(value, ["rules", "missing"], of_key=True)) == "rules/first.yaml:2:1"


def test_a_value_made_by_hand_has_no_place() -> None:
    assert mark_of(ConfigDict({"a": ConfigList([1])}), ["a", 0]) is None


def test_values_are_plain_python_values(tmp_path: Path) -> None:
    value = load(_write(tmp_path, {"hub.yaml": "a: {b: [1, x, true, null]}\n"})).value

    assert value == {"a": {"b": [1, "x", True, None]}}
    assert isinstance(value, dict)


def test_the_files_that_were_read_are_listed_once(tmp_path: Path) -> None:
    files = {"hub.yaml": "a: !include b.yaml\nc: !include b.yaml\n", "b.yaml": "1"}

    assert [path.name for path in load(_write(tmp_path, files)).files] == ["hub.yaml", "b.yaml"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "~\n"])
def test_an_empty_file_is_null_at_its_start(text: str, tmp_path: Path) -> None:
    loaded = load(_write(tmp_path, {"hub.yaml": text}))

    assert loaded.value is None
    assert loaded.mark.file == "hub.yaml"


def test_an_include_is_relative_to_the_file_that_includes(tmp_path: Path) -> None:
    files = {"hub.yaml": "a: !include x/b.yaml", "x/b.yaml": "c: !include d.yaml", "x/d.yaml": "!include ../e.yaml"}

    assert load(_write(tmp_path, files | {"e.yaml": "deep"})).value == {"a": {"c": "deep"}}


def test_a_folder_is_included_as_a_list_by_name(tmp_path: Path) -> None:
    files = {
        "hub.yaml": "rules: !include_dir_list rules\n",
        "rules/b.yaml": "second",
        "rules/a.yml": "first",
        "rules/sub/c.yaml": "third",
        "rules/.hidden.yaml": "no",
        "rules/notes.txt": "no",
    }
    value = load(_write(tmp_path, files)).value

    assert value == {"rules": ["first", "second", "third"]}
    assert str(mark_of(value, ["rules", 1])) == "rules/b.yaml:1:1"
    assert str(mark_of(value, ["rules"])) == "hub.yaml:1:8"


def test_a_folder_is_included_by_file_name(tmp_path: Path) -> None:
    files = {
        "hub.yaml": "!include_dir_named sites",
        "sites/north.yaml": "floors: 3",
        "sites/south.yaml": "floors: 2",
    }
    value = load(_write(tmp_path, files)).value

    assert value == {"north": {"floors": 3}, "south": {"floors": 2}}
    assert str(mark_of(value, ["south", "floors"])) == "sites/south.yaml:1:9"


def test_an_empty_folder_is_an_empty_list(tmp_path: Path) -> None:
    path = _write(tmp_path, {"hub.yaml": "!include_dir_list rules"})
    (tmp_path / "rules").mkdir()

    assert load(path).value == []


def test_secrets_in_an_included_folder_are_left_out(tmp_path: Path) -> None:
    path = _write(tmp_path, {"hub.yaml": "!include_dir_named .", "secrets.yaml": "a: canary"})
    (tmp_path / "hub.yaml").rename(tmp_path / "hub.yaml.txt")

    assert load(path.with_name("hub.yaml.txt")).value == {}


def test_an_alias_shares_the_value_and_has_a_place_of_its_own(tmp_path: Path) -> None:
    value = load(_write(tmp_path, {"hub.yaml": "a: &x {b: 1}\nc: *x\n"})).value

    assert value == {"a": {"b": 1}, "c": {"b": 1}}
    assert str(mark_of(value, ["c"])) == "hub.yaml:2:4"
    assert str(mark_of(value, ["c", "b"])) == "hub.yaml:1:11"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}", {"p": 1, "q": 3}),
        ("a: &x {p: 1, q: 2}\nb: {q: 3, <<: *x}", {"p": 1, "q": 3}),
        ("a: &x {p: 1}\nc: &y {p: 2, q: 2}\nb: {<<: [*x, *y]}", {"p": 1, "q": 2}),
        ("b: {'<<': 1}", {"<<": 1}),
        ("b: {<<: !include other.yaml, r: 4}", {"r": 4, "q": 9}),
    ],
    ids=["own keys win", "in any order", "the first of several wins", "in quotes it is a key", "from a file"],
)
def test_the_merge_key_adds_keys(text: str, expected: object, tmp_path: Path) -> None:
    value = load(_write(tmp_path, {"hub.yaml": text, "other.yaml": "\nq: 9"})).value

    assert isinstance(value, ConfigDict)
    assert value["b"] == expected


def test_a_merged_key_keeps_its_place(tmp_path: Path) -> None:
    value = load(_write(tmp_path, {"hub.yaml": "b: {<<: !include other.yaml}", "other.yaml": "\nq: 9"})).value

    assert mark_of(value, ["b", "q"]) == Mark("other.yaml", 2, 4)
    assert mark_of(value, ["b", "q"], of_key=True) == Mark("other.yaml", 2, 1)


def test_a_main_file_below_the_root_is_named_from_the_root(tmp_path: Path) -> None:
    path = _write(tmp_path, {"rules/a.yaml": "a: !include ../b.yaml", "b.yaml": "\n 7"}).with_name("rules")

    loaded = load(path / "a.yaml", root=tmp_path)

    assert str(loaded.mark) == "rules/a.yaml:1:1"
    assert str(mark_of(loaded.value, ["a"])) == "b.yaml:2:2"


@given(
    text=st.text(st.characters(codec="utf-8"), max_size=60)
    | st.text(":-[]{},#&*!|>'\"%@`<?~ \t\n\r\x85a0.", max_size=60)
)
@settings(max_examples=400, deadline=1000)
def test_any_text_loads_or_is_refused_with_its_place(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode())

    assert _load_or_errors(path) is not None


@given(data=st.binary(max_size=80))
@settings(max_examples=200, deadline=1000)
def test_any_bytes_load_or_are_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(data)

    assert _load_or_errors(path) is not None


@given(text=st.text("abc:-[]{}&*\"'\\x\n #,1u", max_size=50))
@settings(max_examples=300, deadline=2000)
def test_both_parsers_agree(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "both.yaml"
    path.write_bytes(text.encode())
    results = []
    with pytest.MonkeyPatch.context() as patch:
        for has_c_parser in (True, False):
            patch.setattr(yaml_parser, "has_c_parser", has_c_parser)
            outcome = _load_or_errors(path)
            results.append(repr(outcome.value) if isinstance(outcome, Loaded) else "refused")

    assert results[0] == results[1]


def _load_or_errors(path: Path) -> Loaded | ConfigErrors:
    """The only two outcomes there are; each error has its place."""
    try:
        loaded = load(path)
    except ConfigErrors as errors:
        unplaced = [error for error in errors.errors if error.mark is None or error.mark.line < 1]
        if unplaced:
            pytest.fail(f"no place: {unplaced}")
        return errors
    return loaded


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "hub.yaml"
