"""The tariff language: YAML in, a checked `Tariff` out, or everything that is wrong with it at once."""

from plugins.prepaid.tariffs.loader import (
    canonical,
    content_sha,
    load_tariff,
    tariff_from_canonical,
    tariff_from_text,
)
from plugins.prepaid.tariffs.model import Rounding, Tariff

__all__ = [
    "Rounding",
    "Tariff",
    "canonical",
    "content_sha",
    "load_tariff",
    "tariff_from_canonical",
    "tariff_from_text",
]
