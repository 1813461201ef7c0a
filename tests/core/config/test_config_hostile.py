"""Over a hundred hostile documents: each is refused with its place, quickly, or loads as harmless text."""

from __future__ import annotations

import os
import stat
import time  # noqa: TID251 - real time
import tracemalloc
from pathlib import Path

import pytest

from hub.core.config import ConfigErrors, load
from hub.core.config import parser as yaml_parser
from hub.core.config.document import ALIASES_MAX, DEPTH_MAX, NODES_MAX

NESTED = {
    "flow lists": "[" * 3000,
    "closed flow lists": "[" * 3000 + "]" * 3000,
    "flow mappings": "{a: " * 3000,
    "half a megabyte of brackets": "[" * 500_000,
    "mappings as keys": "{" * 3000,
    "block lists": "- " * 3000,
    "block lists, one a line": "\n".join(" " * i + "-" for i in range(1000)),
    "block mappings": "\n".join(" " * i + "a:" for i in range(1000)),
    "explicit keys": "? " * 3000,
    "lists in mappings": "[{a: " * 1500,
    "one too many": "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1),
}


def bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(lines)


LIMITS = {
    "billion laughs": (bomb(10, 10), f"has more than {NODES_MAX:,} values"),
    "wide bomb": (bomb(3, 900), f"has more than {NODES_MAX:,} values"),
    "mapping bomb": (bomb(12, 9).replace("[", "{k: [").replace("]", "]}"), f"has more than {NODES_MAX:,} values"),
    "merge bomb": ("a: &a {<<: *a}", "stands inside the value it names"),
    "too many values": ("[" + "a," * (NODES_MAX + 1) + "]", f"has more than {NODES_MAX:,} values"),
    "too many aliases": ("- &a x\n- [" + "*a," * (ALIASES_MAX + 1) + "]", f"more than {ALIASES_MAX:,} aliases"),
    "depth by aliases": (
        "\n".join(["a0: &a0 " + "[" * 40 + "]" * 40, "a1: &a1 " + "[" * 40 + "*a0" + "]" * 40]),
        f"more than {DEPTH_MAX} lists and mappings in each other, through this alias",
    ),
    "a file of 6 MB": ("# " + "x" * 6_000_000, "the file is larger than 5 MB; split it and use !include"),
}

# Each with a part of its error text; the place is checked where the text begins with one.
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "self alias": ("a: &a [*a]", "1:8: this alias stands inside the value it names"),
    "self alias in a mapping": ("&a {b: *a}", "1:8: this alias stands inside the value it names"),
    "redefined anchor inside itself": ("- &a x\n- &a [*a]", "2:7: this alias stands inside the value it names"),
    "unknown alias": (
        "a: *nobody",
        "1:4: this alias names nothing before it; put a text that starts with '*' in quotes",
    ),
    "alias before its anchor": ("a: *b\nb: &b 1", "1:4: this alias names nothing before it"),
    "alias as key": ("- &a x\n- {*a : 1}", "2:4: a key must be a text"),
    "duplicate key": ("a: 1\nb: 2\na: 3", "3:1: duplicate key 'a'; it is already at hub.yaml:1:1"),
    "duplicate key in flow": ("{a: 1, a: 1}", "1:8: duplicate key 'a'; it is already at hub.yaml:1:2"),
    "duplicate key in other quotes": ("a: 1\n'a': 2", "2:1: duplicate key 'a'"),
    "duplicate number key": ("1: x\n'1': y", "2:1: duplicate key '1'"),
    "duplicate merge": (
        "x: &x {}\na: {<<: *x, <<: *x}",
        "2:13: duplicate key '<<'; merge several with <<: [*a, *b]",
    ),
    "merge of a text": ("<<: x", "1:5: << merges mappings"),
    "merge of a list of texts": ("<<: [x]", "1:5: << merges mappings"),
    "merge of null": ("<<:", "<< merges mappings"),
    "merge of nobody": ("<<: *x", "1:5: this alias names nothing before it"),
    "empty key": ("?\n: x", "1:2: this key is empty; write a name before the colon"),
    "empty key in a block": (": x", "1:1: this is not YAML"),
    "null key": ("~: x", "1:1: this key is empty"),
    "list as key": ("[a]: x", "1:1: a key must be a text"),
    "mapping as key": ("{a: b}: x", "1:1: a key must be a text"),
    "explicit list as key": ("? [a]\n: b", "1:3: a key must be a text"),
    "a template without quotes": (
        "a: {{ states('x') }}",
        "1:5: a key must be a text; put a template such as '{{ ... }}' in quotes",
    ),
    "tag on a key": ("!env X: 1", "a key cannot have a tag"),
    "python object": (
        "!!python/object/apply:os.system ['id']",
        "1:1: unknown tag '!!python/object/apply:os.system'",
    ),
    "python name": ("a: !!python/name:os.system x", "1:4: unknown tag '!!python/name:os.system'"),
    "python tuple": ("!!python/tuple [1]", "1:1: unknown tag '!!python/tuple'"),
    "binary tag": ("!!binary aGk=", "1:1: unknown tag '!!binary'"),
    "timestamp tag": ("!!timestamp 2026-01-01", "1:1: unknown tag '!!timestamp'"),
    "set tag": ("!!set {a}", "1:1: unknown tag '!!set'"),
    "own tag": ("a: !inculde b.yaml", "1:4: unknown tag '!inculde'; there are !include, !include_dir_list,"),
    "own tag, the suggestion": ("a: !inculde b.yaml", "Did you mean '!include'?"),
    "tag by directive": ("%TAG !e! tag:x,2000:\n---\n!e!y z", "3:1: unknown tag 'tag:x,2000:y'"),
    "redefined primary tag": ("%TAG ! tag:x:\n---\na: !env HOME", "3:4: unknown tag 'tag:x:env'"),
    "tag without a handle": ("!x!y z", "undefined tag handle"),
    "include of a list": ("!include [a.yaml]", "1:1: !include needs a text after it, not a list or mapping"),
    "secret of a mapping": ("!secret {a: b}", "1:1: !secret needs a text after it"),
    "map tag on a list": ("!!map [a]", "1:1: unknown tag '!!map'"),
    "two documents": ("a: 1\n---\nb: 2", "2:1: a second document starts here"),
    "two documents after an end": ("a: 1\n...\n---\nb: 2", "3:1: a second document starts here"),
    "tab indentation": ("a:\n\tb: 1", "2:1: this is not YAML: found character that cannot start any token"),
    "tab indentation, the hint": ("a:\n\tb: 1", "Indent with spaces, not with tabs."),
    "tab after a dash": ("a:\n  b: 1\n\tc: 2", "3:1: this is not YAML"),
    "open quote": ("a: 1\nb: 'x\nc: 2\n", "that starts at line 2, column 4"),
    "open double quote": ('a: "x', "this is not YAML: found unexpected end of stream"),
    "open list": ("a: [1, 2", "this is not YAML"),
    "open mapping": ("a: {b: 1", "this is not YAML"),
    "wrong bracket": ("a: [1, 2}", "this is not YAML"),
    "stray bracket": ("]", "1:1: this is not YAML"),
    "stray percent": ("a: %x", "Put a text that starts with such a character in quotes."),
    "stray at": ("a: @x", "1:4: this is not YAML"),
    "stray backtick": ("a: `x`", "1:4: this is not YAML"),
    "two colons": ("a: b: c", "1:5: this is not YAML: mapping values are not allowed in this context. Check"),
    "wrong indentation": ("a:\n    b: 1\n  c: 2", "3:3: this is not YAML"),
    "list among keys": ("a: 1\n- b", "2:1: this is not YAML"),
    "text after a mapping": ("a: 1\nb", "this is not YAML"),
    "bad escape": ('a: "\\q"', "this is not YAML"),
    "escape beyond Unicode": ('a: "\\U00110000"', "this is not YAML"),
    "escape of half a pair": ('a: "\\ud800"', "this is not YAML"),
    "unknown directive version": ("%YAML 3.0\n---\na: 1", "this is not YAML"),
    "directive twice": ("%YAML 1.2\n%YAML 1.2\n---\na: 1", "this is not YAML"),
    "anchor without a name": ("a: & x", "this is not YAML"),
    "alias without a name": ("a: *", "this is not YAML"),
    "two anchors": ("a: &x &y z", "this is not YAML"),
    "block text, wrong header": ("a: |x\n  b", "this is not YAML"),
    "NUL": (b"a: 1\nb: x\x00y", "2:5: character U+0000 is not allowed here"),
    "NUL only": (b"\x00", "1:1: character U+0000 is not allowed here"),
    "bell": ("a: \x07", "1:4: character U+0007 is not allowed here"),
    "escape sequence": ("a: \x1b[31mred", "1:4: character U+001B is not allowed here"),
    "delete": ("\r\na: \x7f", "2:4: character U+007F is not allowed here"),
    "C1 control": ("a: \x9b", "1:4: character U+009B is not allowed here"),
    "noncharacter": ("a: \uffff", "1:4: character U+FFFF is not allowed here"),
    "Latin-1": ("a: 1\nb: café".encode("latin-1"), "2:7: byte 0xe9 is not UTF-8; save the file as UTF-8"),
    "cut UTF-8": ("中".encode()[:2], "1:1: byte 0xe4 is not UTF-8"),
    "overlong UTF-8": (b"a: \xc0\xaf", "1:4: byte 0xc0 is not UTF-8"),
    "surrogate in UTF-8": (b"a: \xed\xa0\x80", "1:4: byte 0xed is not UTF-8"),
    "UTF-16": ("a: 1".encode("utf-16"), "1:1: the file is in UTF-16; save it as UTF-8"),
    "UTF-16 big end first": (b"\xfe\xff\x00a", "1:1: the file is in UTF-16"),
    "UTF-16 without a mark": ("a: 1".encode("utf-16-le"), "1:2: character U+0000 is not allowed here"),
    "UTF-32": ("a: 1".encode("utf-32"), "1:1: the file is in UTF-16"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "1:2: byte 0x8b is not UTF-8"),
    "an ELF file": (b"\x7fELF\x02\x01\x01\x00", "1:1: character U+007F is not allowed here"),
    "a picture": (b"\x89PNG\r\n\x1a\n", "1:1: byte 0x89 is not UTF-8"),
    "a database": (b"SQLite format 3\x00", "1:16: character U+0000 is not allowed here"),
    "BOM, then an error": (b"\xef\xbb\xbfa: \x07", "1:4: character U+0007"),
    "include outside": ("!include ../x.yaml", "1:1: '../x.yaml' leads outside the configuration folder"),
    "include of an absolute path": (
        "!include /etc/passwd",
        "1:1: '/etc/passwd' leads outside the configuration folder",
    ),
    "include by a detour": ("a: !include b/../../x.yaml", "1:4: 'b/../../x.yaml' leads outside"),
    "include of a device": ("!include /dev/zero", "leads outside the configuration folder"),
    "include of nothing": ("!include ''", "1:1: '' leads outside the configuration folder"),
    "include of no path": ('!include "a\\0b"', "1:1: 'a\\x00b' cannot be read: it has a NUL in it"),
    "include of an endless name": (
        "!include " + "x" * 5000,
        f"1:1: '{'x' * 60}…' cannot be read: File name too long",
    ),
    "include of a folder": ("!include .", "1:1: '.' is not a file."),
    "include of itself": ("a: !include hub.yaml", "1:4: the file includes itself: hub.yaml -> hub.yaml"),
    "include of nobody": ("!include hib.yaml", "1:1: 'hib.yaml' does not exist. Did you mean 'hub.yaml'?"),
    "folder of nobody": ("!include_dir_list nobody", "1:1: 'nobody' does not exist."),
    "folder is a file": ("!include_dir_named hub.yaml", "1:1: 'hub.yaml' is not a folder."),
    "folder outside": ("!include_dir_list ..", "1:1: '..' leads outside"),
    "folder with itself": ("!include_dir_list .", "1:1: the file includes itself"),
    "secret of nobody": (
        "!secret x",
        "1:1: there is no secrets.yaml; create it with mode 0600 and a line 'x: ...'",
    ),
    "env of nobody": ("!env NO_SUCH_VARIABLE_HERE", "1:1: environment variable NO_SUCH_VARIABLE_HERE is not set"),
    "env without a name": ("a: !env", "1:4: '' is no name of a variable; write !env NAME or !env NAME default"),
    "env of no name": ("a: !env a-b", "1:4: 'a-b' is no name of a variable"),
}

HARMLESS: dict[str, tuple[str | bytes, object]] = {
    "BOM": (b"\xef\xbb\xbfa: x", {"a": "x"}),
    "CRLF": ("a: x\r\nb: y\r\n", {"a": "x", "b": "y"}),
    "CR": ("a: x\rb: y", {"a": "x", "b": "y"}),
    "a nested mapping written flat": ("a: {b: {c: {}}}", {"a": {"b": {"c": {}}}}),
    "deep, not too deep": ("[" * DEPTH_MAX + "]" * DEPTH_MAX, None),
    "a tab inside a value": ("a: x\ty", {"a": "x\ty"}),
    "an escaped NUL": ('a: "\\0"', {"a": "\0"}),
    "emoji": ("a: 🙂", {"a": "🙂"}),
    "a right-to-left override": ("a: \u202ex", {"a": "\u202ex"}),
    "a harmless bomb": (bomb(3, 3), None),
    "a redefined anchor": ("- &a x\n- &a y\n- *a", ["x", "y", "y"]),
    "a template in quotes": ("a: '{{ 1 }}'", {"a": "{{ 1 }}"}),
    "directive 1.1": ("%YAML 1.1\n---\na: on", {"a": "on"}),
    "a long line": ("a: " + "x" * 100_000, {"a": "x" * 100_000}),
    "many lines": ("\n" * 100_000 + "a: x", {"a": "x"}),
    "many comments": ("# c\n" * 50_000 + "a: x", {"a": "x"}),
}


def test_there_are_a_hundred_documents() -> None:
    assert len(NESTED) + len(LIMITS) + len(REFUSED) + len(HARMLESS) >= 100


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_with_its_place(content: str | bytes, message: str, tmp_path: Path) -> None:
    path = _write(tmp_path, content)

    with pytest.raises(ConfigErrors) as caught:
        load(path)

    text = str(caught.value)
    assert message in text
    assert text.startswith("hub.yaml:")
    if message[0].isdigit():
        assert f"hub.yaml:{message}" in text


@pytest.mark.parametrize(("content", "message"), LIMITS.values(), ids=LIMITS)
def test_what_is_too_much_is_refused(content: str, message: str, tmp_path: Path) -> None:
    path = _write(tmp_path, content)

    with pytest.raises(ConfigErrors) as caught:
        load(path)

    assert message in str(caught.value)
    assert len(caught.value.errors) == 1


@pytest.mark.parametrize(("content", "expected"), HARMLESS.values(), ids=HARMLESS)
def test_it_loads_as_it_is(content: str | bytes, expected: object, tmp_path: Path) -> None:
    value = load(_write(tmp_path, content)).value

    assert value == expected if expected is not None else value is not None


@pytest.mark.parametrize("content", NESTED.values(), ids=NESTED)
@pytest.mark.parametrize("has_c_parser", [True, False], ids=["libyaml", "pure Python"])
def test_deep_nesting_is_refused_where_it_gets_too_deep(
    content: str, has_c_parser: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_parser, "has_c_parser", has_c_parser and yaml_parser.has_c_parser)
    path = _write(tmp_path, content)

    with pytest.raises(ConfigErrors, match=rf"more than {DEPTH_MAX} lists and mappings in each other"):
        load(path)


def test_depth_counts_through_includes(tmp_path: Path) -> None:
    _write(tmp_path, "[" * 40 + "!include b.yaml" + "]" * 40)
    _write(tmp_path, "[" * 40 + "]" * 40, "b.yaml")

    with pytest.raises(ConfigErrors, match=rf"b.yaml:1:25: more than {DEPTH_MAX} lists and mappings"):
        load(tmp_path / "hub.yaml")


@pytest.mark.parametrize("anchored", ["&a !include b.yaml", "&a [!include b.yaml]"], ids=["on it", "around it"])
def test_depth_counts_through_an_anchor_and_an_include(anchored: str, tmp_path: Path) -> None:
    _write(tmp_path, f"a: {anchored}\nc: " + "[" * 40 + "*a" + "]" * 40)
    _write(tmp_path, "[" * 40 + "]" * 40, "b.yaml")

    with pytest.raises(ConfigErrors, match=r"hub.yaml:2:44: .* through this alias"):
        load(tmp_path / "hub.yaml")


@pytest.mark.real_time
@pytest.mark.parametrize("content", NESTED.values(), ids=NESTED)
def test_deep_nesting_takes_no_time_and_no_memory(content: str, tmp_path: Path) -> None:
    path = _write(tmp_path, content)
    tracemalloc.start()
    begin = time.process_time()  # of this process: other work on the machine does not count

    with pytest.raises(ConfigErrors):
        load(path)

    took_s = time.process_time() - begin
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert took_s < 1  # it takes a few milliseconds; read to the end, the longest would take minutes
    assert peak < 10_000_000


def test_an_include_through_a_link_may_not_leave_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    _write(tmp_path, "canary", "outside.yaml")
    (root / "inside.yaml").symlink_to(tmp_path / "outside.yaml")
    (root / "folder").symlink_to(tmp_path)
    path = _write(root, "a: !include inside.yaml\nb: !include folder/outside.yaml\nc: !include_dir_list folder\n")

    with pytest.raises(ConfigErrors) as caught:
        load(path)

    assert [str(error).split(" leads")[0] for error in caught.value.errors] == [
        "hub.yaml:1:4: 'inside.yaml'",
        "hub.yaml:2:4: 'folder/outside.yaml'",
        "hub.yaml:3:4: 'folder'",
    ]


def test_a_link_to_a_file_inside_the_folder_is_followed(tmp_path: Path) -> None:
    _write(tmp_path, "x", "real.yaml")
    (tmp_path / "link.yaml").symlink_to("real.yaml")

    assert load(_write(tmp_path, "!include link.yaml")).value == "x"


def test_a_circle_of_links_is_no_path(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    with pytest.raises(ConfigErrors, match=r"hub.yaml:1:1: 'a'"):
        load(_write(tmp_path, "!include a"))


def test_a_link_in_an_included_folder_may_not_leave_it_either(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "rules").mkdir(parents=True)
    (root / "rules" / "a.yaml").symlink_to(_write(tmp_path, "canary", "outside.yaml"))

    with pytest.raises(ConfigErrors, match=r"hub.yaml:1:1: .*a.yaml' leads outside"):
        load(_write(root, "!include_dir_list rules"))


def test_a_circle_of_includes_names_its_files(tmp_path: Path) -> None:
    _write(tmp_path, "a: !include b.yaml")
    _write(tmp_path, "\nb: !include hub.yaml", "b.yaml")

    with pytest.raises(ConfigErrors, match=r"b.yaml:2:4: the file includes itself: hub.yaml -> b.yaml -> hub.yaml"):
        load(tmp_path / "hub.yaml")


def test_eleven_levels_of_includes_are_too_many(tmp_path: Path) -> None:
    path = _write(tmp_path, "!include 1.yaml")
    for level in range(1, 11):
        _write(tmp_path, f"!include {level + 1}.yaml", f"{level}.yaml")
    _write(tmp_path, "x", "11.yaml")

    with pytest.raises(ConfigErrors, match=r"10.yaml:1:1: more than 10 files include each other in a row"):
        load(path)

    _write(tmp_path, "x", "10.yaml")
    assert load(path).value == "x"


def test_includes_that_multiply_are_stopped(tmp_path: Path) -> None:
    path = _write(tmp_path, "[" + "!include 1.yaml," * 10 + "]")
    for level in range(1, 10):
        _write(tmp_path, "[" + f"!include {level + 1}.yaml," * 10 + "]", f"{level}.yaml")
    _write(tmp_path, "x", "10.yaml")

    with pytest.raises(ConfigErrors, match=r"more than 2,000 files are included"):
        load(path)


def test_all_files_together_are_limited(tmp_path: Path) -> None:
    _write(tmp_path, "# " + "x" * 4_900_000, "big.yaml")

    with pytest.raises(ConfigErrors, match=r"the included files together are larger than 20 MB"):
        load(_write(tmp_path, "[" + "!include big.yaml," * 5 + "]"))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")

    with pytest.raises(ConfigErrors, match=r"hub.yaml:1:1: 'pipe.yaml' is not a file."):
        load(_write(tmp_path, "!include pipe.yaml"))
    with pytest.raises(ConfigErrors, match=r"pipe.yaml:1:1: this is not a file"):
        load(tmp_path / "pipe.yaml")


def test_a_missing_main_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"hub.yaml:1:1: there is no such file"):
        load(tmp_path / "hub.yaml")


def test_two_files_of_one_name_clash_in_a_named_folder(tmp_path: Path) -> None:
    path = _write(tmp_path, "!include_dir_named sites")
    for name in ("sites/a.yaml", "sites/sub/a.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        _write(tmp_path, "x", name)

    with pytest.raises(
        ConfigErrors, match=r"sites/sub/a.yml:1:1: two files are named 'a'; the other is sites/a.yaml:1:1"
    ):
        load(path)


def test_secrets_cannot_be_included(tmp_path: Path) -> None:
    _write(tmp_path, "a: canary-7351", "secrets.yaml")

    with pytest.raises(
        ConfigErrors, match=r"hub.yaml:1:4: secrets.yaml is not for including; write !secret"
    ) as caught:
        load(_write(tmp_path, "a: !include secrets.yaml"))

    assert "canary" not in str(caught.value)


def test_all_errors_of_all_files_come_at_once_and_sorted(tmp_path: Path) -> None:
    _write(
        tmp_path,
        "z: !wrong x\na: !include a.yaml\nb: !include b.yaml\nz: 1\nc: !include c.yaml\nd: !env NOT_SET_1\n",
    )
    _write(tmp_path, "a: [\n", "a.yaml")
    _write(tmp_path, "b: 1\nb: 2\nb: *x\n", "b.yaml")

    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path / "hub.yaml")

    assert [":".join(str(error).split(":")[:3]) for error in caught.value.errors] == [
        "a.yaml:2:1",
        "b.yaml:2:1",
        "b.yaml:3:1",
        "b.yaml:3:4",
        "hub.yaml:1:4",
        "hub.yaml:4:1",
        "hub.yaml:5:4",
        "hub.yaml:6:4",
    ]
    assert str(caught.value) == "\n".join(map(str, caught.value.errors))


def test_one_error_met_through_two_includes_is_told_once(tmp_path: Path) -> None:
    _write(tmp_path, "a: !wrong x", "a.yaml")

    with pytest.raises(ConfigErrors) as caught:
        load(_write(tmp_path, "[!include a.yaml, !include a.yaml]"))

    assert len(caught.value.errors) == 1


def test_a_flood_of_errors_is_cut_short(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(_write(tmp_path, "- !wrong x\n" * 3000))

    assert "more than 1000 errors; the rest was not read" in caught.value.errors[-1].message
    assert str(caught.value).endswith("... and 901 more errors")


def _write(folder: Path, content: str | bytes, name: str = "hub.yaml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return path
