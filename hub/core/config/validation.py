"""Checks configuration against a voluptuous schema: errors in plain words, each where the value is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import voluptuous as vol

from hub.core.config.errors import ConfigError, ConfigErrors
from hub.core.config.nodes import ConfigDict, ConfigList, Mark, mark_of, value_at
from hub.core.config.schema_keys import choices_at, keys_at
from hub.core.config.show import show
from hub.core.config.suggest import did_you_mean
from hub.core.config.thorough import all_errors

_KEYS_SHOWN_MAX = 12


def validate(config: object, schema: vol.Schema, *, where: str, mark: Mark | None = None) -> dict[str, object]:
    """The configuration as its schema makes it; raises ConfigErrors with everything that is wrong.

    `where` names whose configuration it is in error texts ("plugin history"); `mark` is the place of an empty
    section, which knows none itself. The result's mappings and lists still know their places.
    """
    config = ConfigDict() if config is None else config
    try:
        validated: object = schema(config)
    except vol.MultipleInvalid as invalid:
        reader = _Reader(config, schema, where, mark)
        raise ConfigErrors(
            reader.explain(error) for error in _flatten(all_errors(schema, config) or [invalid])
        ) from None
    _carry_places(config, validated)
    if not isinstance(validated, dict):
        raise TypeError(f"the schema of {where} must make a dict, not {type(validated).__name__}")
    return validated


class _Reader:
    """Turns voluptuous errors about one configuration into ours."""

    def __init__(self, config: object, schema: vol.Schema, where: str, mark: Mark | None) -> None:
        self._config = config
        self._schema = schema
        self._where = where
        self._mark = mark

    def explain(self, error: vol.Invalid) -> ConfigError:
        path = list(error.path)
        if isinstance(error, vol.RequiredFieldInvalid) and path:
            return self._about(path[:-1], self._missing(error, path))
        if error.msg == "extra keys not allowed" and path:
            return self._about(path[:-1], self._unknown(path), marked=path)
        return self._about(path, self._wrong_value(error, path))

    def _about(self, path: Sequence[object], text: str, marked: Sequence[object] | None = None) -> ConfigError:
        """An error whose text is about the node at a path; `marked` points at a key instead."""
        mark = mark_of(self._config, path if marked is None else marked, of_key=marked is not None)
        place = f"{self._where} at {shown}" if (shown := _show_path(path)) else self._where
        return ConfigError(f"{place}: {text}", mark or self._mark)

    def _missing(self, error: vol.Invalid, path: Sequence[object]) -> str:
        if error.msg != "required key not provided":
            return error.msg
        return f"missing key '{path[-1]}'"

    def _unknown(self, path: Sequence[object]) -> str:
        key = str(path[-1])
        known = keys_at(self._schema, path[:-1])
        hint = did_you_mean(key, known)
        if not hint and 0 < len(known) <= _KEYS_SHOWN_MAX:
            hint = f" Known keys: {', '.join(known)}."
        return f"unknown key {show(key)}{'.' if hint else ''}{hint}"

    def _wrong_value(self, error: vol.Invalid, path: Sequence[object]) -> str:
        message = error.msg.replace("expected a dictionary", "expected a mapping")
        exists, value = value_at(self._config, path)
        # A validator that raises a bare Invalid tells the whole story itself; voluptuous' own errors are terse.
        if (
            not exists
            or type(error) is vol.Invalid
            or isinstance(error, vol.ExclusiveInvalid | vol.InclusiveInvalid)
        ):
            return message
        if isinstance(error, vol.InInvalid | vol.ScalarInvalid):
            choices = choices_at(self._schema, path)
            if choices:
                message = f"expected {' or '.join(map(repr, choices[:_KEYS_SHOWN_MAX]))}"
                return f"{message}, got {show(value)}.{did_you_mean(str(value), choices)}".rstrip(".")
        if message == "expected str" and isinstance(value, int | Decimal | float):
            return f"expected a text, got {show(value)}; put it in quotes"
        return f"{message}, got {show(value)}"


def _flatten(errors: Iterable[vol.Invalid]) -> Iterator[vol.Invalid]:
    for error in errors:
        if isinstance(error, vol.MultipleInvalid):
            yield from _flatten(error.errors)
        else:
            yield error


def _show_path(path: Sequence[object]) -> str:
    shown = ""
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
        elif not isinstance(step, vol.VirtualPathComponent):  # it names a group of keys, not a key
            shown += f".{step}" if shown else str(step)
    return shown


def _carry_places(source: object, made: object) -> None:
    """Give what a schema made of a mapping or list the places of its source."""
    if made is source:
        return
    if isinstance(source, ConfigDict) and isinstance(made, ConfigDict):
        made.file, made.place, made.places = source.file, source.place, source.places
        for key, value in made.items():
            _carry_places(source.get(key), value)
    elif isinstance(source, ConfigList) and isinstance(made, ConfigList) and len(source) == len(made):
        made.file, made.place, made.places = source.file, source.place, source.places
        for item, value in zip(source, made, strict=True):
            _carry_places(item, value)
