"""Replies that a bus may still deliver, and what to ask so that they cannot be taken for another request's.

A drain outlasts most late replies, not all: a gateway may hold one back for seconds. On RTU a reply to a read is
known only by unit, function and length. Meters and gateways answer in the order they were asked, so a reply of
another length proves that nothing older is on its way. Where a request looks like one that was never answered,
a read of another length goes ahead of it: the fence.
"""

from __future__ import annotations

from dataclasses import replace

from hub.contracts.links import Function, Request

REMEMBERED_S = 10.0
"""How long a reply may be on its way; a gateway that holds it longer has lost it."""

_Shape = tuple[int, ...]


def shape_of(request: Request) -> _Shape:
    """What all fitting replies have in common besides the unit."""
    function = request.function
    return (function, request.address, *request.values) if function.is_write else (function, request.reply_bytes)


class _Unanswered:
    """Requests of one shape to one unit: the numbers of the first and the last, and until when they count."""

    __slots__ = ("first", "last", "until_s")

    def __init__(self, number: int) -> None:
        self.first = self.last = number
        self.until_s = 0.0


class Owed:
    """The requests of one bus that were sent and not answered. Requests are known by a running number."""

    def __init__(self) -> None:
        """Nothing is owed yet."""
        self._units: dict[int, dict[_Shape, _Unanswered]] = {}

    def unanswered(self, request: Request, number: int, until_s: float) -> None:
        """Nobody waits any more for the reply to a request; it may come until then and for some time more."""
        shapes = self._units.setdefault(request.unit, {})
        known = shapes.setdefault(shape_of(request), _Unanswered(number))
        known.last = number
        known.until_s = until_s + REMEMBERED_S

    def answered(self, request: Request, number: int, now_s: float, *, is_refusal: bool) -> bool:
        """A reply came that fits the newest request; False if it may as well answer an older one.

        Either way, what is older than all that it may answer is not on its way any more.
        """
        shapes = self._known(request.unit, now_s)
        if not shapes:
            return True
        shape = shape_of(request)
        could_be = [
            unanswered.first
            for other, unanswered in shapes.items()
            if other == shape or (is_refusal and other[0] == request.function)
        ]
        oldest = min(could_be, default=number)
        if oldest >= number:
            del self._units[request.unit]
            return True
        self._units[request.unit] = {
            other: unanswered for other, unanswered in shapes.items() if unanswered.last >= oldest
        }
        self.unanswered(request, number, now_s)
        return False

    def has_like(self, request: Request, now_s: float) -> bool:
        """Whether the reply to an earlier request could pass for this one's."""
        return bool(self._units) and shape_of(request) in self._known(request.unit, now_s)

    def _known(self, unit: int, now_s: float) -> dict[_Shape, _Unanswered]:
        """What a unit owes and may still deliver."""
        shapes = self._units.get(unit)
        if shapes is None:
            return {}
        for shape in [shape for shape, unanswered in shapes.items() if unanswered.until_s <= now_s]:
            del shapes[shape]
        return shapes

    def fence(self, request: Request) -> Request:
        """A read like this one whose reply has another length, and as few as possible of the unit's owed ones."""
        step = 8 if request.function.reads_bits else 2
        counts = [request.count - step * times for times in (1, 2, 3) if request.count > step * times]
        fences = [replace(request, count=count) for count in counts or [_other_count(request)]]
        shapes = self._units.get(request.unit, {})

        def last_asked(fence: Request) -> int:
            unanswered = shapes.get(shape_of(fence))
            return unanswered.last if unanswered is not None else 0

        return min(fences, key=last_asked)


def _other_count(request: Request) -> int:
    """Another length for a read that cannot be shortened by a whole value."""
    if request.function.reads_bits:
        return request.count + 8
    return 1 if request.count == 2 else 2


def echo_probe(request: Request) -> Request:
    """A harmless read ahead of a request whose reply looks like its echo: it tells whether the port echoes."""
    is_coil = request.function is Function.WRITE_COIL
    function = Function.READ_COILS if is_coil else Function.READ_HOLDING_REGISTERS
    return Request(unit=request.unit, function=function, address=request.address)
