"""Blueprints: rules that an integrator hands out, with `!input` where each site fills in its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from hub.automation.language.block import Block
from hub.automation.language.blueprint_inputs import Input, inputs_of
from hub.automation.language.reading import Reading
from hub.core.config import ConfigDict, ConfigError, ConfigList, ConfigValue, Mark, did_you_mean
from hub.core.config.builder import build
from hub.core.config.document import Budget, Document, LimitReached
from hub.core.config.source import Unreadable, decode, read_bytes

FOLDER = "blueprints"
Domain: TypeAlias = Literal["automation", "script"]


class InputRef(str):
    """Where a blueprint says `!input NAME`."""

    __slots__ = ()


class _InputTags:
    """A blueprint knows one tag; secrets and other files are the site's business, not the blueprint's."""

    names: Sequence[str] = ("!input",)

    @staticmethod
    def read(tag: str, argument: str, mark: Mark, depth: int) -> Document | None:
        return Document(InputRef(argument.strip()), mark, depth)


@dataclass(slots=True)
class _Blueprint:
    """One file, read once."""

    body: ConfigDict
    inputs: dict[str, Input] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)


class Blueprints:
    """The blueprints of a site, each read when a rule first uses it."""

    def __init__(self, root: Path) -> None:
        """They lie under `blueprints/automation` and `blueprints/script` in the site's folder."""
        self._root = root
        self._read: dict[Path, _Blueprint] = {}

    def fill(self, node: ConfigDict, domain: Domain, reading: Reading) -> tuple[ConfigDict, str] | None:
        """The rule or script that a blueprint makes with this use of it, and the blueprint's path.

        None with the errors recorded. Keys that stand beside `use_blueprint` win over the blueprint's own.
        """
        use_node = node["use_blueprint"]
        if not isinstance(use_node, ConfigDict):
            reading.problems.add(
                "`use_blueprint` must be a mapping with path and input", node.value_mark("use_blueprint")
            )
            return None
        use = Block(use_node, "use_blueprint", reading)
        use.require("path")
        path, given = use.text("path"), use.raw("input")
        use.finish()
        blueprint = self._blueprint(path, domain, use) if path else None
        if blueprint is None:
            return None
        if blueprint.errors:
            for error in blueprint.errors:
                reading.problems.add(f"blueprint {path}: {error.message}", error.mark)
            return None
        values = _values(blueprint, given if isinstance(given, ConfigDict) else ConfigDict(), use)
        if values is None:
            return None
        body, _ = _filled(blueprint.body, values, None)
        if not isinstance(body, ConfigDict):
            return None
        body.pop("blueprint", None)
        return _joined(body, node), path

    def _blueprint(self, path: str, domain: Domain, use: Block) -> _Blueprint | None:
        folder = (self._root / FOLDER / domain).resolve()
        file = (folder / path).resolve()
        if not file.is_relative_to(folder):
            use.problem(f"the blueprint {path!r} leads outside {FOLDER}/{domain}", "path")
            return None
        if file not in self._read and not file.is_file():
            there = [each.relative_to(folder).as_posix() for each in sorted(folder.rglob("*.yaml"))]
            hint = did_you_mean(path, there)
            use.problem(f"there is no blueprint {path!r} in {FOLDER}/{domain}.{hint}", "path")
            return None
        if file not in self._read:
            self._read[file] = _read_blueprint(file, file.relative_to(self._root.resolve()).as_posix(), domain)
        return self._read[file]


def _read_blueprint(file: Path, name: str, domain: Domain) -> _Blueprint:
    errors: list[ConfigError] = []
    value: ConfigValue = None
    try:
        data, _ = read_bytes(file, name)
        value = build(decode(data, name), name, tags=_InputTags(), budget=Budget(), errors=errors).value
    except Unreadable as unreadable:
        errors.append(unreadable.error)
    except LimitReached as limit:
        errors.append(limit.error)
    body = value if isinstance(value, ConfigDict) else ConfigDict()
    about = body.get("blueprint")
    if not isinstance(about, ConfigDict):
        if not errors:
            errors.append(
                ConfigError("the section `blueprint` with name, domain and input is missing", Mark(name, 1, 1))
            )
        return _Blueprint(body, errors=errors)
    if about.get("domain") != domain:
        message = f"its domain is {about.get('domain')!r}, and here a blueprint of {domain!r} is needed"
        errors.append(ConfigError(message, about.value_mark("domain") or about.mark))
    node = about.get("input")
    inputs = inputs_of(node) if isinstance(node, ConfigDict) else {}
    errors += _undefined(body, inputs)
    return _Blueprint(body, inputs, errors)


def _undefined(value: ConfigValue, inputs: dict[str, Input], mark: Mark | None = None) -> list[ConfigError]:
    """Every `!input` that names no input."""
    if isinstance(value, InputRef):
        if value in inputs:
            return []
        return [
            ConfigError(f"there is no input {str(value)!r} in this blueprint.{did_you_mean(value, inputs)}", mark)
        ]
    if isinstance(value, ConfigDict):
        return [error for key, item in value.items() for error in _undefined(item, inputs, value.value_mark(key))]
    if isinstance(value, ConfigList):
        return [error for at, item in enumerate(value) for error in _undefined(item, inputs, value.value_mark(at))]
    return []


def _values(
    blueprint: _Blueprint, given: ConfigDict, use: Block
) -> dict[str, tuple[ConfigValue, Mark | None]] | None:
    """The value of each input and where it is written; None with what is wrong recorded."""
    problems = use.reading.problems
    errors_before = len(problems.errors)
    for key in given:
        if key not in blueprint.inputs:
            known = ", ".join(blueprint.inputs) or "none"
            hint = did_you_mean(key, blueprint.inputs) or f" It has: {known}."
            problems.add(f"the blueprint has no input {key!r}.{hint}", given.key_mark(key), "use_blueprint")
    values: dict[str, tuple[ConfigValue, Mark | None]] = {}
    for key, wanted in blueprint.inputs.items():
        if key in given:
            mark = given.value_mark(key) or given.mark
            why_not = wanted.why_not(given[key])
            if why_not is not None:
                problems.add(f"the input `{key}` {why_not}", mark, "use_blueprint")
            values[key] = (given[key], mark)
        elif wanted.has_default:
            values[key] = (wanted.default, wanted.default_mark)
        else:
            problems.add(f"the blueprint needs the input `{key}` ({wanted.name})", use.mark, "use_blueprint")
    return values if len(problems.errors) == errors_before else None


def _filled(
    value: ConfigValue, values: dict[str, tuple[ConfigValue, Mark | None]], mark: Mark | None
) -> tuple[ConfigValue, Mark | None]:
    """A copy with the inputs in their places, and where it is written."""
    if isinstance(value, InputRef):
        return values[value]
    if isinstance(value, ConfigDict):
        made = ConfigDict()
        made.file, made.place = value.file, value.place
        for key, item in value.items():
            key_mark, item_mark = value.key_mark(key), value.value_mark(key)
            made[key], item_mark = _filled(item, values, item_mark)
            if key_mark is not None:
                made.places[key] = (key_mark, item_mark or key_mark)
        return made, mark
    if isinstance(value, ConfigList):
        items = ConfigList()
        items.file, items.place = value.file, value.place
        for index, item in enumerate(value):
            found, item_mark = _filled(item, values, value.value_mark(index))
            items.append(found)
            items.places.append(item_mark or 0)
        return items, mark
    return value, mark


def _joined(body: ConfigDict, node: ConfigDict) -> ConfigDict:
    """What the blueprint gives, with the rule's own keys over it; the rule is where the rule is written."""
    joined = ConfigDict(body)
    joined.file, joined.place, joined.places = node.file, node.place, dict(body.places)
    for key, value in node.items():
        if key == "use_blueprint":
            continue
        joined[key] = value
        if key in node.places:
            joined.places[key] = node.places[key]
    return joined
