"""Reads a tariff: YAML in, a checked `Tariff` out, or `ConfigErrors` with everything that is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import voluptuous as vol

from hub.core.config import Mark, load
from hub.core.config.fields import time_zone
from plugins.prepaid.tariffs.calendars import CalendarReader
from plugins.prepaid.tariffs.canonical import canonical_bytes, document_of, load_text
from plugins.prepaid.tariffs.model import Adder, Energy, Fixed, OnChange, Proration, Rounding, Tariff, Tax
from plugins.prepaid.tariffs.node import Faults, Node
from plugins.prepaid.tariffs.prices import PriceReader
from plugins.prepaid.tariffs.terms import TermReader

Named = TypeVar("Named", Adder, Fixed, Tax)

_REQUIRED = ("tariff", "name", "currency", "time_zone", "energy")
_OPTIONAL = (
    "scale", "group", "rounding", "seasons", "day_types", "holidays", "workdays", "times", "period", "adders",
    "fixed", "minimum", "demand", "taxes",
)  # fmt: skip
_SCALE_MAX = 4
_DAYS_MAX = 366


def load_tariff(path: Path, root: Path | None = None) -> Tariff:
    """The tariff in a file; raises `ConfigErrors` with all that is wrong, each with file:line:column.

    `root` is the folder that marks are relative to and where `!include` looks; by default the file's.
    """
    loaded = load(path, root=root)
    return _tariff(loaded.value, loaded.mark)


def tariff_from_text(text: str, file: str = "tariff.yaml") -> Tariff:
    """The tariff in a text; `file` is what error texts call it. A text includes no other files."""
    value, mark = load_text(text, file)
    return _tariff(value, mark)


def tariff_from_canonical(data: bytes) -> Tariff:
    """The tariff of `canonical`; raises `ConfigErrors` when these are not its bytes."""
    return _tariff(document_of(data), Mark("canonical tariff", 1, 1))


def canonical(tariff: Tariff) -> bytes:
    """The document itself as sorted JSON, exact numbers as text; layout and comments do not matter."""
    return tariff.canonical


def content_sha(tariff: Tariff) -> str:
    """The SHA-256 of the canonical bytes, in hex: the tariff version's name in segments and proofs."""
    return tariff.content_sha


def _tariff(document: object, mark: Mark) -> Tariff:
    faults = Faults(document, mark)
    root = Node(document, faults)
    if not root.section(_REQUIRED, _OPTIONAL):
        faults.raise_any()
    tariff = _read(root)
    faults.raise_any()
    return tariff


def _read(root: Node) -> Tariff:
    calendar_reader = CalendarReader(root)
    calendar = calendar_reader.read()
    prices = PriceReader(calendar_reader.bands, calendar_reader.seasons)
    energy = prices.energy(root.child("energy")) if root.has("energy") else Energy({}, by_band=False)
    adders = _by_name(prices.adders(root.child("adders")) if root.has("adders") else ())
    on_change, proration = _period(root)
    terms = TermReader(root, calendar_reader.bands, energy, adders)
    data = canonical_bytes(root.value)
    return Tariff(
        code=root.child("tariff").slug() if root.has("tariff") else "",
        name=root.child("name").text("a name for people") if root.has("name") else "",
        currency=_currency(root),
        scale=root.number_at("scale", "decimals", decimals=0, default=2, most=_SCALE_MAX),
        time_zone=_zone(root),
        group=root.child("group").slug() if root.has("group") else None,
        rounding=root.word_at("rounding", Rounding.HALF_EVEN),
        on_change=on_change,
        proration=proration,
        bands=tuple(sorted(calendar_reader.bands)),
        seasons=tuple(sorted(calendar_reader.seasons)),
        calendar=calendar,
        energy=energy,
        adders=adders,
        fixed=_by_name(terms.fixed()),
        minimum=terms.minimum(),
        demand=terms.demand(),
        taxes=_by_name(terms.taxes()),
        canonical=data,
        content_sha=hashlib.sha256(data).hexdigest(),
    )


def _by_name(charges: Iterable[Named]) -> tuple[Named, ...]:
    """In the one order that does not depend on how the document is laid out."""
    return tuple(sorted(charges, key=lambda one: one.name))


def _currency(root: Node) -> str:
    if not root.has("currency"):
        return ""
    node = root.child("currency")
    code = node.text("a currency such as CNY")
    if code and not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        node.fault(f"expected a currency of three capitals such as CNY, got {code!r}")
    return code


def _zone(root: Node) -> str:
    if not root.has("time_zone"):
        return "UTC"
    node = root.child("time_zone")
    try:
        zone: ZoneInfo = time_zone(node.value)
    except vol.Invalid as error:
        node.fault(str(error))
        return "UTC"
    return zone.key


def _period(root: Node) -> tuple[OnChange, Proration | None]:
    """How blocks behave when a version changes inside a period, and in short and long periods."""
    on_change, proration = OnChange.CARRY, None
    if root.has("period") and (node := root.child("period")).section([], ["on_version_change", "blocks_by_days"]):
        on_change = node.word_at("on_version_change", on_change)
        if node.has("blocks_by_days"):
            proration = _proration(node.child("blocks_by_days"))
    return on_change, proration


def _proration(node: Node) -> Proration | None:
    if not node.section(["base_days"], ["from_days", "to_days"]):
        return None
    base = node.number_at("base_days", "days", decimals=0, default=1, least=1, most=_DAYS_MAX)
    first = node.number_at("from_days", "days", decimals=0, default=base, most=_DAYS_MAX)
    last = node.number_at("to_days", "days", decimals=0, default=base, most=_DAYS_MAX)
    if not first <= base <= last:
        node.fault(f"base_days {base} must lie between from_days {first} and to_days {last}, which stay whole")
    return Proration(days_min=first, days_max=last, base_days=base)
