"""How a configuration value looks in an error text: short, as a person would write it, and never a secret."""

from __future__ import annotations

from hub.core.config.secrets import Secret

_LENGTH_MAX = 60


def show(value: object) -> str:
    """A value for an error text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = str(value)
    if len(text) > _LENGTH_MAX:
        text = text[:_LENGTH_MAX] + "…"
    return repr(text) if isinstance(value, str) and not isinstance(value, Secret) else text
