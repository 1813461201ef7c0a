"""Nonsense anywhere in a rule is an error text, never an exception that stops the load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from rule_reading import read_files
from test_language_docs import ALL, BLUEPRINTS, PROVIDERS

from hub.automation.language import Known, check, load_rules_file

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
NONSENSE: tuple[Json, ...] = (
    None,
    True,
    -7,
    1.5,
    10**30,
    "x y",
    "{{",
    "{{ x }}",
    [],
    [None],
    {},
    {"$decimal": "1"},
)


def spoiled(value: Json) -> Iterator[Json]:
    """The value with each of its parts replaced by each kind of nonsense."""
    if isinstance(value, dict):
        for key, item in value.items():
            for other in (*NONSENSE, *spoiled(item)):
                yield {**value, key: other}
            yield {each: kept for each, kept in value.items() if each != key}
            yield {**value, "nonsense": item}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for other in (*NONSENSE, *spoiled(item)):
                yield [*value[:index], other, *value[index + 1 :]]


def test_nonsense_anywhere_is_told_and_stops_nobody(tmp_path: Path) -> None:
    count = 0
    for number, example in enumerate(ALL):
        folder = tmp_path / str(number)
        loaded = read_files(folder, {**BLUEPRINTS, **example.files}, PROVIDERS)
        rules: list[Json] = [each for rule in loaded.rules for each in spoiled(json.loads(rule.content))]
        scripts: list[Json] = [each for script in loaded.scripts for each in spoiled(json.loads(script.content))]
        file = folder / "spoiled.yaml"
        file.write_text(
            json.dumps({"automation": rules, "script": {f"s{n}": each for n, each in enumerate(scripts)}})
        )
        found = load_rules_file(file, providers=PROVIDERS)
        taken = len(found.rules) + len(found.scripts)
        assert taken + len(found.invalid) == len(rules) + len(scripts)
        assert all(error.mark is not None for invalid in found.invalid for error in invalid.errors)
        check(found, Known(entity_ids=(), actions={}, areas=(), labels=()))
        count += len(rules) + len(scripts)
    assert count > 5_000
