"""What Home Assistant's templates have and ours have not, and what to do instead."""

from __future__ import annotations

_HOMES = "it is about people in homes, which the hub does not know"
_CHANCE = "a rule has to do the same when it is rehearsed; choose by an entity's value or by the time"
_FLOORS = "areas lie inside areas here; use area_entities, which includes the areas inside"
_ENTRIES = "the hub has no config entries; `hub plugins` shows what is loaded"
_IMPORTS = "a template stands on its own; put shared values into the rule's `variables:`"

NAMES: dict[str, str] = {
    "closest": _HOMES,
    "config_entry_attr": _ENTRIES,
    "config_entry_id": _ENTRIES,
    "cycler": "use `loop.cycle(...)`",
    "distance": _HOMES,
    "floor_areas": _FLOORS,
    "floor_entities": _FLOORS,
    "floor_id": _FLOORS,
    "floor_name": _FLOORS,
    "floors": _FLOORS,
    "forceescape": "use `|escape`",
    "integration_entities": "use area_entities, label_entities or device_entities",
    "is_hidden_entity": "no entity is hidden here",
    "issue": _ENTRIES,
    "issues": _ENTRIES,
    "joiner": "use `|join(', ')`",
    "label_areas": "labels are on devices and entities here; use label_entities",
    "lipsum": "it only makes text up",
    "pack": "templates work with text and numbers; let the plugin that owns the bytes do it",
    "pprint": "use `|to_json(pretty_print=true)`",
    "random": _CHANCE,
    "shuffle": _CHANCE,
    "state_translated": "use states(); notices are translated by their own templates",
    "unpack": "templates work with text and numbers; let the plugin that owns the bytes do it",
    "urlize": "write the link yourself",
    "version": "compare the texts, or the numbers in them",
    "xmlattr": "write the attributes yourself, with |escape",
}

STATEMENTS: dict[str, str] = {
    "Include": _IMPORTS,
    "Import": _IMPORTS,
    "FromImport": _IMPORTS,
    "Extends": _IMPORTS,
    "Block": _IMPORTS,
    "ScopedEvalContextModifier": "use |escape where HTML is made",
    "EvalContextModifier": "use |escape where HTML is made",
}
