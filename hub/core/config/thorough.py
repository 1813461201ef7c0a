"""A schema that goes on after a wrong list item, so that the errors of all items come at once."""

from __future__ import annotations

from collections.abc import Callable

import voluptuous as vol

# What voluptuous compiles a schema to: a function of the path and the data.
Check = Callable[[list[object], object], object]


class ThoroughSchema(vol.Schema):
    """The same schema; voluptuous alone stops a list at its first wrong item when the error lies inside the item.

    It overrides voluptuous' own compiling, so it only explains what the plain schema refused already.
    """

    def _compile(self, schema: object) -> Check:
        if type(schema) is vol.Schema:
            schema = ThoroughSchema(schema.schema, required=schema.required, extra=schema.extra)
        check: Check = super()._compile(schema)  # type: ignore[no-untyped-call]
        return check

    def _compile_list(self, schema: list[object]) -> Check:
        if len(schema) != 1:  # with several kinds of items an error may mean that the next kind is to be tried
            several: Check = super()._compile_list(schema)  # type: ignore[no-untyped-call]
            return several
        check_item = self._compile(schema[0])

        def check_list(path: list[object], data: object) -> object:
            if not isinstance(data, list):
                raise vol.SequenceTypeInvalid("expected a list", path)
            errors: list[vol.Invalid] = []
            items = []
            for index, item in enumerate(data):
                try:
                    items.append(check_item([*path, index], item))
                except vol.MultipleInvalid as error:
                    errors.extend(error.errors)
                except vol.Invalid as error:
                    errors.append(error)
            if errors:
                raise vol.MultipleInvalid(errors)
            return items

        return check_list


def all_errors(schema: vol.Schema, config: object) -> list[vol.Invalid]:
    """Every error of a configuration that the schema refuses; none if this cannot be told."""
    try:
        ThoroughSchema(schema.schema, required=schema.required, extra=schema.extra)(config)
    except vol.MultipleInvalid as error:
        return error.errors
    return []
