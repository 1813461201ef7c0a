"""A rule's content as text: what runs are pinned to, and enough to make the rule again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from hub.core import codec
from hub.core.config import ConfigDict, ConfigList, ConfigValue


def as_text(node: Mapping[str, ConfigValue]) -> str:
    """JSON as `hub.core.codec` reads it, but in the written order: variables are set in that order.

    Raises TypeError and ValueError for what cannot be recorded.
    """
    text = json.dumps(node, default=_tagged, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    if '"$' in text:
        codec.encode(node)  # refuses what would be read back as something else
    return text


def from_text(text: str) -> ConfigDict:
    """The content as configuration that knows no places."""
    return cast("ConfigDict", _configured(codec.decode(text)))


def version_of(text: str) -> str:
    """The hash of a content."""
    return hashlib.sha256(text.encode()).hexdigest()


def _tagged(value: object) -> dict[str, str]:
    assert isinstance(value, Decimal), value
    return {"$decimal": str(value)}


def _configured(value: object) -> ConfigValue:
    if isinstance(value, dict):
        return ConfigDict({key: _configured(item) for key, item in value.items()})
    if isinstance(value, list):
        return ConfigList(_configured(item) for item in value)
    return cast("ConfigValue", value)
