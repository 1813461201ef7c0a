"""The form of a profile's YAML once its values are checked one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import NotRequired, TypedDict

from hub.contracts.links import Function
from hub.contracts.profiles.model import FrameOrigin, Kind, Order, Status, WordType


class CounterConfig(TypedDict, total=False):
    resolution: Decimal
    rate_max_per_h: Decimal
    modulus: Decimal


class DefaultsConfig(TypedDict, total=False):
    read: Function
    type: WordType
    order: Order
    group: str
    counter: CounterConfig


class PointConfig(DefaultsConfig):
    at: int
    count: NotRequired[int]
    characters: NotRequired[int]
    scale: NotRequired[Decimal]
    unit: NotRequired[str]
    kind: NotRequired[Kind]
    min: NotRequired[Decimal]
    max: NotRequired[Decimal]
    not_a_number: NotRequired[list[int]]
    multiply_by: NotRequired[list[str]]
    billing: NotRequired[bool]
    each: NotRequired[list[str]]
    step: NotRequired[int]


class IdentityConfig(PointConfig):
    pattern: str


class StepConfig(TypedDict):
    write: Function
    at: int
    value: NotRequired[int]
    values: NotRequired[list[int]]


class ActionConfig(TypedDict):
    before: list[StepConfig]
    command: StepConfig
    settle: Decimal
    timeout: Decimal


class ActionsConfig(TypedDict):
    open: ActionConfig
    close: ActionConfig


class RelayConfig(TypedDict):
    read: Function
    at: int
    count: int
    mask: NotRequired[int]
    open: int
    closed: int
    armed: NotRequired[int]


class ChannelsConfig(TypedDict):
    names: list[str]
    step: int
    bit_step: int
    points: dict[str, PointConfig]
    relay: NotRequired[RelayConfig]
    actions: NotRequired[ActionsConfig]


class BalanceConfig(TypedDict):
    point: str
    write: Function


class LinkConfig(TypedDict):
    baud: int
    format: str
    unit: int
    turn: Decimal


class CapabilitiesConfig(TypedDict):
    functions: list[Function]
    registers_max: int
    coils_max: int
    min_gap: Decimal
    needs_button: bool
    is_self_powered_behind_relay: bool
    has_prepaid: bool


class FrameConfig(TypedDict):
    name: str
    origin: FrameOrigin
    request: bytes
    reply: bytes
    expect: dict[str, Decimal | str | None]


RangesConfig = dict[str, list[tuple[int, int, str]]]


class ProfileConfig(TypedDict):
    profile: str
    vendor: str
    models: list[str]
    status: Status
    source: str
    notes: str
    link: LinkConfig
    capabilities: CapabilitiesConfig
    defaults: DefaultsConfig
    identity: NotRequired[IdentityConfig]
    points: dict[str, PointConfig]
    relay: NotRequired[RelayConfig]
    actions: NotRequired[ActionsConfig]
    channels: NotRequired[ChannelsConfig]
    balance: NotRequired[BalanceConfig]
    deny: RangesConfig
    gaps_proven: RangesConfig
    forbidden: RangesConfig
    frames: list[FrameConfig]
