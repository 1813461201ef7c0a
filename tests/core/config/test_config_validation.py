"""Validation says what is wrong in plain words, each error where its value is written."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import voluptuous as vol

from hub.core.config import (
    ConfigDict,
    ConfigErrors,
    ConfigList,
    ConfigValue,
    Mark,
    did_you_mean,
    load,
    mark_of,
    validate,
)
from hub.core.config.fields import entity_id

POINT = vol.Schema({vol.Required("id"): str, vol.Optional("poll"): int, "tags": [str]})
SCHEMA = vol.Schema(
    {
        vol.Required("name"): str,
        vol.Optional("mode", default="auto"): vol.In(["auto", "manual"]),
        vol.Optional("level"): vol.All(vol.Coerce(int), vol.Range(min=1, max=9)),
        vol.Optional("kind"): vol.Any("fast", "slow"),
        vol.Optional("points"): [POINT],
        vol.Optional("named"): {str: vol.Any(None, {"poll": int})},
        vol.Optional("entity"): entity_id,
        vol.Exclusive("north", "side"): str,
        vol.Exclusive("south", "side"): str,
        vol.Inclusive("user", "login"): str,
        vol.Inclusive("password", "login"): str,
    }
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\npoll: 3", "2:1: demo: unknown key 'poll'. Known keys: "),
        ("name: x\npionts: []", "2:1: demo: unknown key 'pionts'. Did you mean 'points'?"),
        (
            "name: x\npoints:\n - id: a\n   polll: 3",
            "4:4: demo at points[0]: unknown key 'polll'. Did you mean 'poll'?",
        ),
        ("name: x\nnamed:\n  a:\n    pol: 3", "4:5: demo at named.a: unknown key 'pol'. Did you mean 'poll'?"),
        ("name: x\npoints:\n - poll: 3", "3:4: demo at points[0]: missing key 'id'"),
        ("mode: auto", "1:1: demo: missing key 'name'"),
        ("name: x\npoints: [{id: a, poll: abc}]", "2:24: demo at points[0].poll: expected int, got 'abc'"),
        ("name: x\npoints: [{id: a, poll: 1.5}]", "2:24: demo at points[0].poll: expected int, got 1.5"),
        ("name: 12", "1:7: demo at name: expected a text, got 12; put it in quotes"),
        ("name: 1.50", "1:7: demo at name: expected a text, got 1.50; put it in quotes"),
        ("name: true", "1:7: demo at name: expected a text, got true; put it in quotes"),
        ("name:", "1:6: demo at name: expected str, got nothing"),
        ("name: [a]", "1:7: demo at name: expected str, got a list"),
        ("name: x\npoints: {}", "2:9: demo at points: expected a list, got a mapping"),
        ("name: x\npoints: [a]", "2:10: demo at points[0]: expected a mapping, got 'a'"),
        (
            "name: x\nmode: manul",
            "2:7: demo at mode: expected 'auto' or 'manual', got 'manul'. Did you mean 'manual'?",
        ),
        ("name: x\nmode: 3", "2:7: demo at mode: expected 'auto' or 'manual', got 3"),
        ("name: x\nkind: fats", "2:7: demo at kind: expected 'fast' or 'slow', got 'fats'. Did you mean 'fast'?"),
        ("name: x\nlevel: 10", "2:8: demo at level: value must be at most 9, got 10"),
        ("name: x\nlevel: x", "2:8: demo at level: expected int, got 'x'"),
        (
            "name: x\nentity: Sensor.A",
            "2:9: demo at entity: expected an entity id such as sensor.north_wing, got 'Sensor.A'. Did you",
        ),
        ("name: x\nnorth: a\nsouth: b", "1:1: demo: two or more values in the same group of exclusion 'side'"),
        ("name: x\nuser: a", "1:1: demo: some but not all values in the same group of inclusion 'login'"),
        ("[]", "1:1: demo: expected a mapping, got a list"),
        ("text", "demo: expected a mapping, got 'text'"),
        ("name: x\nmode: " + "m" * 500, "got '" + "m" * 60 + "…'"),
    ],
)
def test_it_is_refused_where_it_is_written(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        validate(_load(tmp_path, text), SCHEMA, where="demo")

    assert message in str(caught.value)
    assert len(caught.value.errors) == 1
    if message[0].isdigit():
        assert str(caught.value).startswith(f"hub.yaml:{message}")


def test_all_errors_come_at_once(tmp_path: Path) -> None:
    text = "points:\n - poll: x\n   idd: y\n - id: 3\nmode: atuo\nnaem: 1\n"

    with pytest.raises(ConfigErrors) as caught:
        validate(_load(tmp_path, text), SCHEMA, where="demo")

    assert str(caught.value).splitlines() == [
        "hub.yaml:1:1: demo: missing key 'name'",
        "hub.yaml:2:4: demo at points[0]: missing key 'id'",
        "hub.yaml:2:10: demo at points[0].poll: expected int, got 'x'",
        "hub.yaml:3:4: demo at points[0]: unknown key 'idd'. Did you mean 'id'?",
        "hub.yaml:4:8: demo at points[1].id: expected a text, got 3; put it in quotes",
        "hub.yaml:5:7: demo at mode: expected 'auto' or 'manual', got 'atuo'. Did you mean 'auto'?",
        "hub.yaml:6:1: demo: unknown key 'naem'. Did you mean 'name'?",
    ]


@pytest.mark.parametrize(
    "items",
    [[POINT], vol.All([POINT], list), vol.Any([POINT], None), vol.Schema([POINT]), [vol.All(dict, POINT)]],
    ids=["a list", "in All", "in Any", "in Schema", "items in All"],
)
def test_the_errors_of_every_list_item_come_at_once(items: object, tmp_path: Path) -> None:
    config = _load(tmp_path, "p:\n - {id: 1}\n - {id: a}\n - {id: b, poll: x}\n - {id: c, tags: [d, 5, 6]}\n")

    with pytest.raises(ConfigErrors) as caught:
        validate(config, vol.Schema({"p": items}), where="demo")

    places = [str(error).split(":", 3)[1:3] for error in caught.value.errors]
    assert places == [["2", "9"], ["4", "18"], ["5", "22"], ["5", "25"]]


def test_an_error_in_an_included_file_points_into_it(tmp_path: Path) -> None:
    (tmp_path / "points.yaml").write_text("- id: a\n  poll: often\n")

    with pytest.raises(
        ConfigErrors, match=r"^points.yaml:2:9: demo at points\[0\].poll: expected int, got 'often'$"
    ):
        validate(_load(tmp_path, "name: x\npoints: !include points.yaml"), SCHEMA, where="demo")


def test_what_is_valid_comes_back_with_defaults_and_places(tmp_path: Path) -> None:
    config = _load(tmp_path, "name: x\npoints:\n  - id: a\n    tags: [b, c]\n")

    result = validate(config, SCHEMA, where="demo")

    assert result == {"name": "x", "mode": "auto", "points": [{"id": "a", "tags": ["b", "c"]}]}
    assert str(mark_of(result, ["points", 0, "tags", 1])) == "hub.yaml:4:15"
    assert str(mark_of(result, ["mode"])) == "hub.yaml:1:1"


def test_an_empty_section_is_an_empty_mapping() -> None:
    assert validate(None, vol.Schema({vol.Optional("a", default=3): int}), where="demo") == {"a": 3}


def test_an_error_of_an_empty_section_is_at_the_place_given() -> None:
    with pytest.raises(ConfigErrors, match=r"^hub.yaml:7:1: demo: missing key 'name'$"):
        validate(None, SCHEMA, where="demo", mark=Mark("hub.yaml", 7, 1))


def test_a_configuration_without_places_is_told_apart_by_its_path() -> None:
    config = {"name": "x", "points": [{"id": 3}]}

    with pytest.raises(ConfigErrors, match=r"^demo at points\[0\].id: expected a text, got 3; put it in quotes$"):
        validate(config, SCHEMA, where="demo")


def test_a_schema_that_makes_no_mapping_is_a_mistake_of_its_author() -> None:
    with pytest.raises(TypeError, match="the schema of demo must make a dict, not ConfigList"):
        validate(ConfigList([]), vol.Schema([str]), where="demo")


@pytest.mark.parametrize(
    ("word", "candidates", "expected"),
    [
        ("polll", ["poll", "pole"], " Did you mean 'poll'?"),
        ("POLL", ["poll"], " Did you mean 'poll'?"),
        ("xyz", ["poll"], ""),
        ("", ["poll"], ""),
        ("poll", [], ""),
        ("p" * 101, ["p" * 100], ""),
    ],
    ids=["close", "another case", "not close", "no word", "no candidates", "too long"],
)
def test_did_you_mean(word: str, candidates: list[str], expected: str) -> None:
    assert did_you_mean(word, candidates) == expected


def test_validated_fractions_are_exact(tmp_path: Path) -> None:
    result = validate(_load(tmp_path, "price: 0.10"), vol.Schema({"price": Decimal}), where="demo")

    assert str(result["price"]) == "0.10"


def _load(folder: Path, text: str) -> ConfigValue:
    (folder / "hub.yaml").write_text(text)
    value = load(folder / "hub.yaml").value
    assert value is None or isinstance(value, str | ConfigDict | ConfigList)
    return value
