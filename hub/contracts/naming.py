"""How things are called: slugs from names in any script, entity ids, unique ids, actions and events.

An entity id is for people and rules, and may be renamed; the unique id is for ever. Both are built here only.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Container

from hub.contracts.ids import AccountId, BusId, PointId
from hub.core.bus import Event

SLUG = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
SLUG_LENGTH_MAX = 64
_DIGEST_LENGTH = 8
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def slugify(name: str) -> str:
    """The slug of a name in any script: lower-case Latin letters and digits, single underscores between.

    Accents are dropped. A letter that no Latin letter stands for is written by its code point, so that different
    names give different slugs: "Café 3" is `cafe_3`, "3号店" is `3_u53f7_u5e97`. A longer slug than
    `SLUG_LENGTH_MAX` is cut and ends in a digest of the whole.
    """
    parts: list[str] = []
    word = ""
    for letter in unicodedata.normalize("NFKC", name).casefold():
        plain = _plain(letter)
        if plain is not None:
            word += plain
            continue
        parts.append(word)
        word = ""
        if unicodedata.category(letter)[0] in "LNM":
            parts.append(f"u{ord(letter):x}")
    parts.append(word)
    slug = "_".join(part for part in parts if part)
    if not slug:
        raise ValueError(f"{name!r} has no letter or digit to make an id of; give an id, such as `stall_07`")
    if len(slug) <= SLUG_LENGTH_MAX:
        return slug
    tail = hashlib.sha256(slug.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{slug[: SLUG_LENGTH_MAX - _DIGEST_LENGTH - 1].rstrip('_')}_{tail}"


def _plain(letter: str) -> str | None:
    """The Latin letter or digit behind one character, or None."""
    if letter.isascii():
        return letter if letter.isalnum() else None
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    spread = unicodedata.normalize("NFKD", letter)
    base, marks = spread[0], spread[1:]
    if base.isascii() and base.isalnum() and all(unicodedata.combining(mark) for mark in marks):
        return base
    return None


def unique_slug(name: str, taken: Container[str]) -> str:
    """The slug of a name; when it is taken, with the first free number from 2 on."""
    slug = slugify(name)
    if slug not in taken:
        return slug
    number = 2
    while (candidate := f"{slug[: SLUG_LENGTH_MAX - len(str(number)) - 1].rstrip('_')}_{number}") in taken:
        number += 1
    return candidate


def check_slug(text: str, what: str) -> str:
    """The text itself if it is a slug; raises `ValueError` with the slug it could be."""
    if SLUG.fullmatch(text) and len(text) <= SLUG_LENGTH_MAX:
        return text
    raise ValueError(
        f"{what} {text!r} is no id: write lower-case letters, digits and single underscores,"
        f" at most {SLUG_LENGTH_MAX}; for example {slugify(text or 'x')!r}"
    )


def point_sensor(point: PointId, quantity: str) -> str:
    """The entity id of a point's quantity: `sensor.<point>_power`, `sensor.<point>_voltage_l1`, ..."""
    return _entity("sensor", "point", point, quantity)


def account_sensor(account: AccountId, quantity: str) -> str:
    """The entity id of an account's quantity: `sensor.<account>_balance`, `sensor.<account>_days_left`, ..."""
    return _entity("sensor", "account", account, quantity)


def point_binary(point: PointId, quantity: str) -> str:
    """The entity id of a yes or no of a point: `binary_sensor.<point>_relay`; on means closed."""
    return _entity("binary_sensor", "point", point, quantity)


def bus_sensor(bus: BusId, quantity: str) -> str:
    """The entity id of a bus's figure: `sensor.<bus>_load`, `sensor.<bus>_lateness`, ..."""
    return _entity("sensor", "bus", bus, quantity)


def bus_binary(bus: BusId, quantity: str) -> str:
    """The entity id of a yes or no of a bus: `binary_sensor.<bus>_healthy`."""
    return _entity("binary_sensor", "bus", bus, quantity)


def unique_id(kind: str, id: str, quantity: str) -> str:  # noqa: A002 - the field's own word
    """The id an entity keeps through every rename: `point/stall_07/power`."""
    return f"{check_slug(kind, 'kind')}/{check_slug(id, kind)}/{check_slug(quantity, 'quantity')}"


def action_name(domain: str, verb: str) -> str:
    """The name of an action: `supply.disconnect`."""
    return f"{check_slug(domain, 'domain')}.{check_slug(verb, 'verb')}"


def event_name(event_type: type[Event]) -> str:
    """What rules and history call an event type: `ToppedUp` is `topped_up`."""
    return _WORD_START.sub("_", event_type.__name__).lower()


def _entity(domain: str, kind: str, id: str, quantity: str) -> str:  # noqa: A002 - the field's own word
    return f"{domain}.{check_slug(id, kind)}_{check_slug(quantity, 'quantity')}"
