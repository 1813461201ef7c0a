"""What people see of a decoded value: no more digits than the meter has."""

from __future__ import annotations

from decimal import Context, Decimal

from hub.contracts.profiles import Decoded, Point, WordType

_FLOAT32 = Context(prec=7)
"""A 32-bit float is good for seven digits; the rest is noise of its binary form."""


def shown(point: Point, decoded: Decoded) -> Decimal | int | str | None:
    """The value for entities and tables; a counter exactly as it is billed."""
    if point.counter is not None and decoded.raw is not None and decoded.value is not None:
        return Decimal(decoded.raw).scaleb(point.counter.scale)
    value = decoded.value
    if isinstance(value, Decimal) and point.type is WordType.F32:
        rounded = _FLOAT32.create_decimal(value)
        return rounded.to_integral_value() if rounded == rounded.to_integral_value() else rounded.normalize()
    return value
