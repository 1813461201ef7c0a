"""What is wrong with the field layer's section of `hub.yaml` beyond its schema: every fault with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from hub.contracts.links import Link
from hub.contracts.profiles import Check, Profile, ProfileFolder, find_profile
from hub.core.clock import SystemClock
from hub.core.config import ConfigError, ConfigErrors, mark_of
from hub.core.errors import HubError
from plugins.kpm_modbus.configuration import device_of, too_much
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.planner import PlannedRead
from plugins.kpm_modbus.polls import Polls
from plugins.kpm_modbus.wire.open import BadLinkUrl, open_link

SIMULATED = "sim"
Path_: TypeAlias = tuple[str | int, ...]
Fault: TypeAlias = tuple[Path_, str]
