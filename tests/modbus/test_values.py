"""People see no more digits than the meter has."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hub.contracts.links import Function
from hub.contracts.profiles import Counter, Kind, Point, WordType, decode, encode
from plugins.kpm_modbus.values import shown

COUNTER = Counter(modulus_raw=None, scale=-3, rate_max_per_h=Decimal(69))


@pytest.mark.parametrize(
    ("case", "counter", "value", "expected"),
    [
        ("a voltage", None, "229.97", "229.97"),
        ("a whole power", None, "60000", "60000"),
        ("nothing", None, "0", "0"),
        ("a counter, as it is billed", COUNTER, "1234.5731", "1234.573"),
    ],
)
def test_a_float_is_shown_as_the_meter_means_it(
    case: str, counter: Counter | None, value: str, expected: str
) -> None:
    point = Point(
        name="p", function=Function.READ_HOLDING_REGISTERS, address=0, count=2, type=WordType.F32,
        kind=Kind.GAUGE if counter is None else Kind.COUNTER, counter=counter,
    )  # fmt: skip
    assert str(shown(point, decode(point, encode(point, Decimal(value))))) == expected, case
