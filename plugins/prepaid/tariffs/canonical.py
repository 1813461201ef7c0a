"""A tariff's document as bytes that depend on nothing but its content, and back."""

from __future__ import annotations

import json
from decimal import Decimal

from hub.core.config import ConfigDict, ConfigError, ConfigErrors, ConfigList, ConfigValue, Mark
from hub.core.config.builder import build
from hub.core.config.document import Budget, Document, LimitReached
from plugins.prepaid.tariffs.node import plain


class _NoTags:
    """A text that stands alone includes nothing."""

    names: tuple[str, ...] = ()

    def read(self, tag: str, argument: str, mark: Mark, depth: int) -> Document | None:
        """Never called: no tag is known."""
        raise AssertionError(f"{mark}: {tag} {argument} at depth {depth}")


def load_text(text: str, file: str) -> tuple[ConfigValue, Mark]:
    """The document in a text, with places; raises `ConfigErrors`."""
    errors: list[ConfigError] = []
    try:
        document = build(text, file, tags=_NoTags(), budget=Budget(), errors=errors)
    except LimitReached as reached:
        raise ConfigErrors([*errors, reached.error]) from None
    if errors:
        raise ConfigErrors(errors)
    return document.value, document.mark


def canonical_bytes(document: object) -> bytes:
    """Sorted JSON without spaces, numbers as text: `0.50`, `.5` and `5e-1` are the same number."""
    return json.dumps(_plain(document), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def document_of(data: bytes) -> ConfigValue:
    """The document of canonical bytes; raises `ConfigErrors`."""
    try:
        return _configured(json.loads(data))
    except ValueError as error:
        raise ConfigErrors([ConfigError(f"these are no canonical tariff: {error}")]) from error


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, bool) or value is None:
        return value
    return plain(value) if isinstance(value, Decimal) else str(value)


def _configured(value: object) -> ConfigValue:
    if isinstance(value, dict):
        return ConfigDict({key: _configured(one) for key, one in value.items()})
    if isinstance(value, list):
        return ConfigList([_configured(one) for one in value])
    if isinstance(value, bool | str) or value is None:
        return value
    raise ValueError(f"{value!r} is written as a number; exact numbers are text")
