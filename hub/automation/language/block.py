"""One mapping of a rule: its keys read by type, each error where it stands, and what nobody knows refused."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import TypeVar, cast, get_args

import voluptuous as vol

from hub.automation.language.model import Length, Plain, Value
from hub.automation.language.reading import Reading, is_template_text
from hub.automation.templates import Template
from hub.core.config import ConfigDict, ConfigList, ConfigValue, Mark, Secret, did_you_mean
from hub.core.config.duration import duration_from
from hub.core.config.fields import duration
from hub.core.config.show import show

_YES = frozenset(("1", "true", "yes", "on", "enable"))
_NO = frozenset(("0", "false", "no", "off", "disable"))
_KEYS_SHOWN_MAX = 20
_NO_SECRETS = (
    "a secret does not belong in a rule, whose content is kept on disk and shown in traces; "
    "give it to the plugin that needs it, in hub.yaml"
)
_C = TypeVar("_C", bound=str)


class Block:
    """Reads one mapping; every typed key that is wrong is recorded and read as if it were not there."""

    __slots__ = ("_known", "node", "path", "reading")

    def __init__(self, node: ConfigDict, path: str, reading: Reading) -> None:
        """`path` is the mapping's place in its rule, for error texts and for the model."""
        self.node = node
        self.path = path
        self.reading = reading
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        """Whether a key is written, even if it is empty."""
        return key in self.node

    @property
    def mark(self) -> Mark | None:
        """Where the mapping starts."""
        return self.node.mark

    def inside(self, key: str) -> str:
        """The path of what stands under a key."""
        return f"{self.path}/{key}" if self.path else key

    def mark_of(self, key: str) -> Mark | None:
        """Where the value of a key is written."""
        return self.node.value_mark(key) or self.node.mark

    def problem(self, message: str, key: str | None = None) -> None:
        """Record an error at a key's value, or at the mapping."""
        self.reading.problems.add(message, self.node.mark if key is None else self.mark_of(key), self.path)

    def raw(self, key: str) -> object:
        """The value of a key as it is, None when it is not there; it is known from now on."""
        self._known.append(key)
        return self.node.get(key)

    def take(self, key: str) -> object:
        """The value of a key, None when it is not there; an empty one is an error."""
        self._known.append(key)
        value = self.node.get(key)
        if value is None and key in self.node:
            self.problem(f"`{key}` is empty; write a value or leave the key out", key)
        return value

    def require(self, *keys: str) -> bool:
        """Record an error unless one of the keys is there."""
        if any(key in self.node for key in keys):
            return True
        names = " or ".join(f"`{key}`" for key in keys)
        self.problem(f"{names} is missing")
        return False

    def text(self, key: str, default: str = "") -> str:
        """A text; a number is taken as it reads."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, Secret):
            self.problem(_NO_SECRETS, key)
        elif isinstance(value, str):
            return value
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            return str(value)
        else:
            self.problem(f"`{key}` must be a text, got {show(value)}", key)
        return default

    def texts(self, key: str) -> tuple[str, ...]:
        """A text, or a list of them."""
        found: list[str] = []
        for item in self.items(key):
            if isinstance(item, str | int) and not isinstance(item, bool | Secret):
                found.append(str(item))
            else:
                self.problem(f"`{key}` must be a text or a list of texts, got {show(item)}", key)
        return tuple(found)

    def items(self, key: str) -> list[object]:
        """What a list holds; a single value is a list of one."""
        value = self.take(key)
        if value is None:
            return []
        return list(value) if isinstance(value, ConfigList) else [value]

    def choice(self, key: str, choices: type[_C] | Sequence[str], default: str) -> str:
        """One of several words, capitals or not."""
        value = self.take(key)
        if value is None:
            return default
        words = choices if isinstance(choices, Sequence) else get_args(choices)
        word = str(value).lower()
        if word in words:
            return word
        listed = ", ".join(words)
        self.problem(f"`{key}` is one of {listed}, got {show(value)}.{did_you_mean(word, words)}".rstrip("."), key)
        return default

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false; Home Assistant's words for them count too."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word not in _YES and word not in _NO:
            self.problem(f"`{key}` must be true or false, got {show(value)}", key)
            return default
        return word in _YES

    def enabled(self) -> bool | Template:
        """The `enabled` key: true, false or a limited template."""
        if "enabled" not in self.node:
            self._known.append("enabled")
            return True
        if is_template_text(self.node["enabled"]):
            return self.template("enabled", limited=True) or True
        return self.flag("enabled", default=True)

    def integer(self, key: str, default: int, *, least: int = 0) -> int:
        """A whole number, not below the least."""
        value = self.take(key)
        if value is None:
            return default
        number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            self.problem(f"`{key}` must be a whole number of at least {least}, got {show(value)}", key)
            return default
        return number

    def template(self, key: str, *, limited: bool = False) -> Template | None:
        """A template; a text without braces is one that always gives itself."""
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, Secret | ConfigDict | ConfigList):
            self.problem(f'`{key}` must be a template such as "{{{{ ... }}}}", got {show(value)}', key)
            return None
        text = value if isinstance(value, str) else show(value)
        return self.reading.template(text, self.mark_of(key), self.path, limited=limited)

    def value(self, key: str) -> Value:
        """A value with templates anywhere in it."""
        return self.valued(self.take(key), self.mark_of(key))

    def valued(self, value: object, mark: Mark | None, *, limited: bool = False) -> Value:
        """What a configuration value means: its texts with braces are templates; places are kept."""
        if isinstance(value, ConfigDict):
            made = ConfigDict()
            made.file, made.place, made.places = value.file, value.place, value.places
            for key, item in value.items():
                made[key] = cast("ConfigValue", self.valued(item, value.value_mark(key) or mark, limited=limited))
            return cast("dict[str, Value]", made)
        if isinstance(value, ConfigList):
            items = ConfigList()
            items.file, items.place, items.places = value.file, value.place, value.places
            for index, item in enumerate(value):
                items.append(
                    cast("ConfigValue", self.valued(item, value.value_mark(index) or mark, limited=limited))
                )
            return cast("list[Value]", items)
        if isinstance(value, str) and is_template_text(value):
            return self.reading.template(value, mark, self.path, limited=limited)
        return cast("Value", self.plain(value, mark))

    def plain(self, value: object, mark: Mark | None) -> Plain:
        """A value that is taken as it is; secrets and infinite numbers are refused."""
        if isinstance(value, Secret):
            self.reading.problems.add(_NO_SECRETS, mark, self.path)
            return None
        if isinstance(value, float):
            word = "nan" if math.isnan(value) else "inf"
            self.reading.problems.add(f"`.{word}` is no number that a rule can use", mark, self.path)
            return None
        return cast("Plain", value)

    def values(self, key: str, *, limited: bool = False) -> dict[str, Value]:
        """A mapping with templates anywhere in it; without the key, or empty, a mapping of nothing."""
        value = self.raw(key)
        if value is None:
            return {}
        if not isinstance(value, ConfigDict):
            self.problem(f"`{key}` must be a mapping, got {show(value)}", key)
            return {}
        return cast("dict[str, Value]", self.valued(value, self.mark_of(key), limited=limited))

    def length(self, key: str) -> Length | None:
        """A length of time, fixed or templated, never negative."""
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, str) and is_template_text(value):
            return self.reading.template(value, self.mark_of(key), self.path)
        if isinstance(value, ConfigDict) and any(is_template_text(part) for part in value.values()):
            return self._templated_length(key, value)
        try:
            return duration(value)
        except vol.Invalid as error:
            self.problem(f"`{key}`: {error.msg}", key)
            return None

    def _templated_length(self, key: str, value: ConfigDict) -> dict[str, Value] | None:
        fixed = {unit: "0" if is_template_text(part) else part for unit, part in value.items()}
        try:
            duration(fixed)
        except vol.Invalid as error:
            self.problem(f"`{key}`: {error.msg}", key)
            return None
        return cast("dict[str, Value]", self.valued(value, self.mark_of(key)))

    def seconds(self, key: str) -> int | None:
        """A fixed length of time in whole seconds."""
        value = self.take(key)
        if value is None:
            return None
        try:
            length = duration_from(value)
        except ValueError as error:
            self.problem(f"`{key}`: {error}", key)
            return None
        if length.microseconds or length.total_seconds() < 0:
            self.problem(f"`{key}` must be whole seconds and not negative, got {show(value)}", key)
            return None
        return int(length.total_seconds())

    def finish(self, others: Collection[str] = ()) -> None:
        """Refuse every key that nobody asked for; `others` are known and need not be read."""
        for key in self.node:
            if key in self._known or key in others:
                continue
            known = list(dict.fromkeys(self._known))
            hint = did_you_mean(key, known)
            if not hint and len(known) <= _KEYS_SHOWN_MAX:
                hint = f" Known here: {', '.join(known)}."
            mark = self.node.key_mark(key) or self.node.mark
            self.reading.problems.add(f"unknown key {show(key)}.{hint}", mark, self.path)
