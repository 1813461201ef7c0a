"""Meter types for the tests of the simulated field: like a KPM33B, of whole numbers, with two circuits."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hub.contracts.links import Function
from hub.contracts.profiles import (
    Action,
    Capabilities,
    Check,
    Counter,
    Identity,
    Kind,
    LinkDefaults,
    Order,
    Point,
    Profile,
    Range,
    Status,
    Step,
    WordType,
)
from hub.contracts.profiles.model import Channel

HOLDING, COILS = Function.READ_HOLDING_REGISTERS, Function.READ_COILS
SERIAL = "33B1225950027"


def f32(name: str, address: int, unit: str, kind: Kind = Kind.GAUGE, scale: str = "1") -> Point:
    return Point(
        name=name, function=HOLDING, address=address, count=2, type=WordType.F32, unit=unit, kind=kind,
        scale=Decimal(scale),
    )  # fmt: skip


def whole(
    name: str, address: int, words: WordType, scale: str, unit: str, kind: Kind = Kind.GAUGE,
    order: Order = Order.ABCD, multiply_by: tuple[str, ...] = (), counter: Counter | None = None,
) -> Point:  # fmt: skip
    count = {"16": 1, "32": 2, "64": 4, "cd": 2}[words.value[-2:]]
    return Point(
        name=name, function=HOLDING, address=address, count=count, type=words, scale=Decimal(scale), unit=unit,
        kind=kind, order=order, multiply_by=multiply_by, counter=counter,
    )  # fmt: skip


def switch(function: Function, address: int, on: int, off: int, before: tuple[Step, ...] = ()) -> dict[str, Action]:
    return {
        name: Action(
            before=before,
            command=Step(function=function, address=address, values=(value,)),
            settle_s=Decimal("0.2"),
            timeout_s=Decimal(1),
        )
        for name, value in (("close", on), ("open", off))
    }


def profile(name: str, points: tuple[Point, ...], **fields: object) -> Profile:
    blank = Profile(
        id=name,
        vendor="Made up",
        models=(name,),
        status=Status.DOCUMENTED,
        source="made up",
        notes="",
        link=LinkDefaults(),
        capabilities=Capabilities(
            functions=frozenset({COILS, HOLDING, Function.WRITE_COIL, Function.WRITE_REGISTERS}), registers_max=100
        ),
        identity=None,
        points=points,
        relay=None,
        actions={},
        deny=(),
        gaps_proven=(),
        forbidden=(),
        frames=(),
    )
    return replace(blank, **fields)  # type: ignore[arg-type]


_PHASED = [
    *(f32(f"voltage_{name}", 0x30 + 2 * place, "V") for place, name in enumerate(("l1", "l2", "l3"))),
    *(f32(f"current_{name}", 0x36 + 2 * place, "A") for place, name in enumerate(("l1", "l2", "l3"))),
    *(f32(f"voltage_{name}", 0x3C + 2 * place, "V") for place, name in enumerate(("l1_l2", "l2_l3", "l3_l1"))),
    *(f32(f"power_{name}", 0x42 + 2 * place, "W") for place, name in enumerate(("l1", "l2", "l3"))),
    f32("power", 0x48, "W"),
    *(f32(f"reactive_power_{name}", 0x4A + 2 * place, "var") for place, name in enumerate(("l1", "l2", "l3"))),
    f32("reactive_power", 0x50, "var"),
    *(f32(f"apparent_power_{name}", 0x52 + 2 * place, "VA") for place, name in enumerate(("l1", "l2", "l3"))),
    f32("apparent_power", 0x58, "VA"),
    *(f32(f"power_factor_{name}", 0x5A + 2 * place, "") for place, name in enumerate(("l1", "l2", "l3"))),
    f32("power_factor", 0x60, ""),
    f32("frequency", 0x62, "Hz"),
    *(f32(f"energy_import_{name}", 0x68 + 2 * place, "kWh", Kind.COUNTER)
      for place, name in enumerate(("l1", "l2", "l3"))),
    f32("energy_total", 0x80, "kWh", Kind.COUNTER),
    f32("energy_import", 0x82, "kWh", Kind.COUNTER),
    f32("energy_export", 0x84, "kWh", Kind.COUNTER),
    *(f32(f"energy_import_{name}", 0x8C + 2 * place, "kWh", Kind.COUNTER)
      for place, name in enumerate(("sharp", "peak", "flat", "valley"))),
]  # fmt: skip

LIKE_KPM33B = profile(
    "like_kpm33b",
    (
        Point(name="control_mode", function=HOLDING, address=0x1E, count=1, type=WordType.U16, kind=Kind.STATE),
        f32("prepaid_energy", 0x0E, "kWh"),
        *_PHASED,
    ),
    identity=Identity(
        point=Point(
            name="serial", function=HOLDING, address=0x12, count=7, type=WordType.ASCII, characters=13
        ),
        pattern=r"33B\d{10}",
    ),
    relay=Check(function=COILS, address=1, count=3, mask=7, open_value=0, closed_value=7),
    actions=switch(
        Function.WRITE_COIL, 1, 1, 0,
        (Step(function=Function.WRITE_REGISTERS, address=0x1E, values=(0xDD22,)),),
    ),
    deny=(
        Range(function=HOLDING, first=0x00, last=0x02),
        Range(function=HOLDING, first=0x0C, last=0x0C),
        Range(function=HOLDING, first=0x0E, last=0x0F),
    ),
    gaps_proven=(Range(function=HOLDING, first=0x64, last=0x67),),
    forbidden=(Range(function=HOLDING, first=0x01A0, last=0x01FF),),
)  # fmt: skip

WHOLE_NUMBERS = profile(
    "whole_numbers",
    (
        whole("energy_import", 0x00, WordType.U32, "0.01", "kWh", Kind.COUNTER, multiply_by=("ct_ratio",),
              counter=Counter(modulus_raw=100_000_000, scale=-2, rate_max_per_h=Decimal(1000))),
        whole("energy_total", 0x04, WordType.U32, "0.01", "kWh", Kind.COUNTER),
        whole("energy_forward", 0x06, WordType.BCD, "0.01", "kWh", Kind.COUNTER),
        whole("energy_export", 0x08, WordType.BCD, "0.01", "kWh", Kind.COUNTER),
        whole("voltage", 0x0C, WordType.U16, "0.1", "V"),
        whole("current", 0x0D, WordType.U16, "0.01", "A"),
        whole("power", 0x0E, WordType.I16, "1", "W"),
        whole("reactive_power", 0x0F, WordType.I32, "1", "var", order=Order.CDAB),
        whole("power_factor", 0x11, WordType.U16, "0.001", ""),
        whole("frequency", 0x12, WordType.U16, "0.01", "Hz"),
        whole("ct_ratio", 0x14, WordType.U16, "1", "", Kind.STATE),
    ),
    relay=Check(function=HOLDING, address=0x1A, count=1, mask=0xFF, open_value=0, closed_value=1, armed_value=2),
    actions=switch(Function.WRITE_REGISTERS, 0x1A, 1, 0),
    deny=(Range(function=HOLDING, first=0x00, last=0x01),),
)  # fmt: skip


def _two_circuits() -> Profile:
    names = ("c1", "c2")
    points = {
        name: {
            quantity: replace(point, name=f"{name}_{quantity}", address=point.address + 0x100 * place)
            for quantity, point in (("power", f32("power", 0x00, "W")),
                                    ("energy_import", f32("energy_import", 0x02, "kWh", Kind.COUNTER)))
        }
        for place, name in enumerate(names)
    }  # fmt: skip
    return profile(
        "two_circuits",
        (f32("power", 0x300, "W"), *(point for group in points.values() for point in group.values())),
        channels=tuple(
            Channel(
                name=name,
                points=points[name],
                relay=Check(function=COILS, address=place, count=1, mask=1, open_value=0, closed_value=1),
                actions=switch(Function.WRITE_COIL, place, 1, 0),
            )
            for place, name in enumerate(names)
        ),
    )


TWO_CIRCUITS = _two_circuits()
NEEDS_A_BUTTON = replace(
    WHOLE_NUMBERS, id="needs_a_button", capabilities=replace(WHOLE_NUMBERS.capabilities, needs_button=True)
)
DIES_WITH_ITS_RELAY = replace(
    LIKE_KPM33B,
    id="dies_with_its_relay",
    capabilities=replace(LIKE_KPM33B.capabilities, is_self_powered_behind_relay=True),
)
