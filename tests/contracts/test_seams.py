"""What holds for all contracts: whom they import, who may mint, names of services, and units that are whole."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import typing
from enum import Enum, IntEnum
from pathlib import Path

import pytest

import hub.contracts
from hub.contracts.naming import event_name
from hub.core.bus import Event
from hub.core.services import ServiceKey

FOLDER = Path(hub.contracts.__file__).parent
ROOT = FOLDER.parent.parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
MODULES = [importlib.import_module(f"hub.contracts.{name}") for name in NAMES]
MINT_USERS = ("plugins/prepaid/supply", "plugins/kpm_modbus/commission", "tests/", "hub/contracts/grants.py")


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_contract_imports_nothing_of_ours_but_core_and_contracts(name: str) -> None:
    ours = {one for one in imports_of(FOLDER / f"{name}.py") if one.split(".")[0] in {"hub", "plugins", "tests"}}
    assert not {one for one in ours if not one.startswith(("hub.core.", "hub.contracts"))}


def test_only_supply_and_commissioning_import_the_mint() -> None:
    users = [
        path.relative_to(ROOT).as_posix()
        for folder in ("hub", "plugins", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if {"hub.contracts.grants", "hub.contracts.relays._SEAL"} & imports_of(path)
    ]
    assert "hub/contracts/grants.py" in users
    assert not [user for user in users if not user.startswith(MINT_USERS)]


def test_every_service_key_is_named_for_its_contract_and_only_once() -> None:
    found = [
        (value.name, module.__name__.rpartition(".")[2])
        for module in MODULES
        for value in vars(module).values()
        if isinstance(value, ServiceKey)
    ]
    keys = dict(found)
    assert len(keys) == len(found)
    assert {"history", "metering", "notify", "relays", "supply", "topups"} <= set(keys.values())
    assert all(name.partition(".")[0] == module for name, module in keys.items())


def records() -> list[type]:
    return [
        value
        for module in MODULES
        for value in vars(module).values()
        if inspect.isclass(value) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__
    ]


@pytest.mark.parametrize("record", records(), ids=lambda record: record.__name__)
def test_what_is_passed_around_is_frozen_and_slotted(record: type) -> None:
    assert "__slots__" in vars(record)
    assert record.__dataclass_params__.frozen  # type: ignore[attr-defined]


@pytest.mark.parametrize("record", records(), ids=lambda record: record.__name__)
def test_no_quantity_is_a_float(record: type) -> None:
    hints = typing.get_type_hints(record, include_extras=True)
    floats = [name for name, hint in hints.items() if hint is float or float in typing.get_args(hint)]
    allowed = {
        "timeout_s",
        "retry_after_s",
        "character_s",
        "gap_s",
        "value",
    }  # a state may be any number; durations
    assert not set(floats) - allowed


def test_every_event_has_a_name_and_a_key_of_its_own() -> None:
    events = [record for record in records() if issubclass(record, Event) and not record.__name__.startswith("_")]
    assert len(events) >= 18
    names = [event_name(event) for event in events]
    assert len(set(names)) == len(names)
    assert not [
        event for event in events if inspect.getattr_static(event, "key") is inspect.getattr_static(Event, "key")
    ]


def test_words_that_are_stored_are_lower_case_and_unique() -> None:
    enums = [
        value
        for module in MODULES
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Enum)
        and not issubclass(value, IntEnum)
        and value.__module__ == module.__name__
    ]
    assert len(enums) >= 15
    for words in enums:
        for word in words:
            assert word.value == word.name.lower(), f"{words.__name__}.{word.name}"
