"""One YAML document to plain values with their places, within limits and with all its errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from yaml import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from hub.core.config.errors import ConfigError
from hub.core.config.nodes import ConfigDict, ConfigList, ConfigValue, Mark, Place, pack_place, unpack_place
from hub.core.config.parser import Parser, explain, new_parser
from hub.core.config.scalars import NumberOutOfRange, Scalar, resolve_scalar
from hub.core.config.suggest import did_you_mean

DEPTH_MAX = 64
NODES_MAX = 500_000
ALIASES_MAX = 20_000
_ERRORS_MAX = 1_000
