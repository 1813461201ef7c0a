"""What a profile's YAML may hold, value by value; how the values fit together is checked after this."""

from __future__ import annotations

import voluptuous as vol

from hub.contracts.links import COILS_MAX, REGISTERS_MAX, Function
from hub.contracts.profiles.fields import (
    ADDRESS_MAX,
    ANY,
    READ,
    WRITE,
    address,
    expected,
    frame_bytes,
    line_format,
    one_or_many,
    order,
    pattern,
    positive,
    scale,
    seconds,
    span,
    suffixes,
    text_of,
    unit,
    whole,
    word_of,
)
from hub.contracts.profiles.model import FrameOrigin, Kind, Order, Status, WordType
from hub.contracts.profiles.tables import TABLES
from hub.core.config.fields import decimal, revealed

GROUPS = ("fast", "normal", "slow")
WRITE_REGISTERS_MAX = 123


_COUNTER = {
    vol.Optional("rate_max_per_h"): positive,
    vol.Optional("resolution"): positive,
    vol.Optional("modulus"): positive,
}
_WORDS: dict[vol.Marker, object] = {
    vol.Optional("read"): READ,
    vol.Optional("type"): word_of(WordType),
    vol.Optional("order"): vol.All(vol.In([one.value.upper() for one in Order]), order),
}
_PLACED: dict[vol.Marker, object] = {
    **_WORDS,
    vol.Required("at"): address,
    vol.Optional("count"): whole(1, REGISTERS_MAX),
    vol.Optional("characters"): whole(1, 2 * REGISTERS_MAX),
    vol.Optional("not_a_number"): vol.All(one_or_many, [whole(0, 2**64 - 1)]),
}
_GROUPED: dict[vol.Marker, object] = {
    vol.Optional("group"): vol.In(GROUPS),
    vol.Optional("counter"): _COUNTER,
}
_POINT: dict[vol.Marker, object] = {
    **_PLACED,
    **_GROUPED,
    vol.Optional("scale"): scale,
    vol.Optional("unit"): unit,
    vol.Optional("kind"): word_of(Kind),
    vol.Optional("min"): decimal,
    vol.Optional("max"): decimal,
    vol.Optional("multiply_by"): vol.All(one_or_many, [text_of]),
    vol.Optional("billing"): bool,
    vol.Optional("each"): suffixes,
    vol.Optional("step"): whole(1, ADDRESS_MAX),
}
_WRITTEN = revealed(whole(0, 0xFFFF, "a word"))
_STEP = {
    vol.Required("write"): WRITE,
    vol.Required("at"): address,
    vol.Exclusive("value", "values"): _WRITTEN,
    vol.Exclusive("values", "values"): vol.All([_WRITTEN], vol.Length(1, WRITE_REGISTERS_MAX)),
}
_ACTION = {
    vol.Optional("before", default=list): vol.All([_STEP], vol.Length(max=10)),
    vol.Required("command"): _STEP,
    vol.Required("settle"): seconds,
    vol.Required("timeout"): seconds,
}
_ACTIONS = {vol.Required("open"): _ACTION, vol.Required("close"): _ACTION}
_RELAY = {
    vol.Required("read"): READ,
    vol.Required("at"): address,
    vol.Optional("count", default=1): whole(1, 64),
    vol.Optional("mask"): whole(1, 2**64 - 1),
    vol.Required("open"): whole(0, 2**64 - 1),
    vol.Required("closed"): whole(0, 2**64 - 1),
    vol.Optional("armed"): whole(0, 2**64 - 1),
}
_RANGES = {vol.Optional(table): vol.All(one_or_many, [span]) for table in TABLES}

SCHEMA = vol.Schema(
    {
        vol.Required("profile"): text_of,
        vol.Required("vendor"): text_of,
        vol.Required("models"): vol.All([text_of], vol.Length(1, 50)),
        vol.Required("status"): word_of(Status),
        vol.Required("source"): text_of,
        vol.Optional("notes", default=""): str,
        vol.Optional("link", default=dict): {
            vol.Optional("baud", default=9600): whole(300, 921_600),
            vol.Optional("format", default="8E1"): line_format,
            vol.Optional("unit", default=1): whole(1, 247),
            vol.Optional("turn", default="20 ms"): seconds,
        },
        vol.Required("capabilities"): {
            vol.Required("functions"): vol.All([ANY], vol.Length(1, len(Function))),
            vol.Required("registers_max"): whole(1, REGISTERS_MAX),
            vol.Optional("coils_max", default=16): whole(1, COILS_MAX),
            vol.Optional("min_gap", default=0): seconds,
            vol.Optional("needs_button", default=False): bool,
            vol.Optional("is_self_powered_behind_relay", default=False): bool,
            vol.Optional("has_prepaid", default=False): bool,
        },
        vol.Optional("defaults", default=dict): {**_WORDS, **_GROUPED},
        vol.Optional("identity"): {**_PLACED, vol.Required("pattern"): pattern},
        vol.Optional("points", default=dict): {str: _POINT},
        vol.Optional("relay"): _RELAY,
        vol.Optional("actions"): _ACTIONS,
        vol.Optional("channels"): {
            vol.Required("names"): suffixes,
            vol.Required("step"): whole(0, ADDRESS_MAX),
            vol.Optional("bit_step", default=1): whole(0, ADDRESS_MAX),
            vol.Required("points"): {str: _POINT},
            vol.Optional("relay"): _RELAY,
            vol.Optional("actions"): _ACTIONS,
        },
        vol.Optional("balance"): {vol.Required("point"): text_of, vol.Required("write"): WRITE},
        vol.Optional("deny", default=dict): _RANGES,
        vol.Optional("gaps_proven", default=dict): _RANGES,
        vol.Optional("forbidden", default=dict): _RANGES,
        vol.Optional("frames", default=list): vol.All(
            [
                {
                    vol.Required("name"): text_of,
                    vol.Required("origin"): word_of(FrameOrigin),
                    vol.Required("request"): frame_bytes,
                    vol.Required("reply"): frame_bytes,
                    vol.Required("expect"): vol.All({str: expected}, vol.Length(1, 200)),
                }
            ],
            vol.Length(max=100),
        ),
    }
)
