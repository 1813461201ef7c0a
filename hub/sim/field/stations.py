"""Who hangs on a bus and what each answers, with all that can be wrong; the same for ports, bytes and sockets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.contracts.links import Request
from hub.core.clock import Clock
from hub.core.errors import NotFound
from hub.core.ids import SeededIds
from hub.sim.field.faults import REPLIES, BadFault, Fault, FaultKind
from hub.sim.field.image import Refused
from hub.sim.field.meter import SimulatedMeter
from hub.sim.field.rtu import Asked, asked_from, echo_of, packed_bits

BUSY = 6
_ERROR = 0x80
_DEFECTS = frozenset({
    FaultKind.WRONG_CRC, FaultKind.WRONG_UNIT, FaultKind.WRONG_FUNCTION, FaultKind.WRONG_LENGTH,
    FaultKind.WRONG_ECHO, FaultKind.SHORT, FaultKind.STRAY_BYTE, FaultKind.FOREIGN_FRAME,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Turn:
    """The answer delay of a meter: fixed, or anywhere between two bounds."""

    low_us: int = 20_000
    high_us: int = 20_000

    @classmethod
    def of_s(cls, low_s: float, high_s: float | None = None) -> Turn:
        """The same from seconds."""
        return cls(round(low_s * 1e6), round((low_s if high_s is None else high_s) * 1e6))


@dataclass(slots=True)
class Answer:
    """What a station sends back, and when; `defect` is what will be wrong with its bytes."""

    unit: int
    code: int
    """The function code to send."""
    body: bytes
    """What follows the function code."""
    turn_us: int
    """From the end of the request to the first byte of the reply."""
    late_us: int = 0
    """How much of that is a fault."""
    exception_code: int | None = None
    defect: FaultKind | None = None

    @property
    def pdu(self) -> bytes:
        """Function code and what follows."""
        return bytes((self.code,)) + self.body


class Stations:
    """The meters on one bus by unit, and the faults that are switched on."""

    def __init__(
        self, clock: Clock, meters: Mapping[int, SimulatedMeter], *, turn: Turn | None = None, seed: int = 0
    ) -> None:
        """Hang meters on a bus; without a turn of its own, each answers as its profile says."""
        self.clock = clock
        self.meters = dict(meters)
        self.silent: set[int] = set()
        """Units that do not answer: the shortest way to the most common fault."""
        self.turns: dict[int, Turn] = {}
        """The answer delay of a meter that differs from the others."""
        self._turn = turn
        self._chance = SeededIds(seed).random
        self._faults: list[_Standing] = []
        self.on_fault: list[Callable[[Fault], object]] = []
        """Who wants to know at once when a fault is switched on: those that hold connections."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is switched on, the oldest first."""
        return tuple(standing.fault for standing in self._faults)

    def set_fault(self, fault: Fault) -> None:
        """Switch a fault on; one of the same kind and unit is replaced. Raises `NotFound` and `BadFault`."""
        meters = self._meters_of(fault)
        self._check(fault, meters)
        self._take_off(lambda standing: standing.fault.kind is fault.kind and standing.fault.unit == fault.unit)
        for meter in meters:
            _put_on(meter, fault)
        if fault.kind not in {FaultKind.REBOOT, FaultKind.SELF_TRIP, FaultKind.TRANSIENT_ZERO}:
            self._faults.append(_Standing(fault, fault.times))
        for tell in self.on_fault:
            tell(fault)

    def clear_faults(self, unit: int | None = None, kind: FaultKind | None = None) -> None:
        """Switch faults off: all, or those of a unit, or of a kind."""
        self._take_off(
            lambda standing: (
                (unit is None or standing.fault.unit == unit) and (kind is None or standing.fault.kind is kind)
            )
        )
        if unit is None and kind is None:
            self.silent.clear()

    def has_fault(self, kind: FaultKind) -> bool:
        """Whether a fault of the whole bus stands."""
        return any(standing.fault.kind is kind for standing in self._faults)

    def spend(self, kind: FaultKind) -> bool:
        """Whether a fault of the whole bus hits this transaction; one that was set for some times counts down."""
        standing = next((one for one in self._faults if one.fault.kind is kind), None)
        if standing is None:
            return False
        self._count(standing)
        return True

    def ask(self, asked: Asked) -> Answer | None:
        """Let the station that is asked obey and answer; None when nothing comes back."""
        unit = asked.unit
        meter = self.meters.get(unit)
        if meter is None or unit in self.silent:
            return None
        if self._faults:
            return self._ask_with_faults(asked, meter)
        return None if meter.is_deaf() else self._answer(asked, meter)

    def broadcast(self, pdu: bytes) -> None:
        """Let all stations obey a write that nobody answers."""
        for unit in self.meters:
            self.ask(asked_from(unit, pdu))

    def ask_now(self, request: Request) -> Answer | None:
        """The same for a request that never was bytes."""
        return self.ask(Asked(request.unit, request.function, request))

    def _ask_with_faults(self, asked: Asked, meter: SimulatedMeter) -> Answer | None:
        hits = [
            standing for standing in self._faults
            if standing.fault.kind in REPLIES and standing.fault.unit in {None, asked.unit}
        ]  # fmt: skip
        kinds = {standing.fault.kind for standing in hits}
        if FaultKind.SILENT in kinds or FaultKind.HALF_OPEN in kinds:
            for standing in hits:
                if standing.fault.kind in {FaultKind.SILENT, FaultKind.HALF_OPEN}:
                    self._count(standing)
            return None
        if meter.is_deaf():
            return None
        refusal = next((one for one in hits if one.fault.kind in {FaultKind.EXCEPTION, FaultKind.BUSY}), None)
        if refusal is not None:
            self._count(refusal)
            code = BUSY if refusal.fault.kind is FaultKind.BUSY else refusal.fault.code
            answer = self._refusal(asked, code)
        else:
            answer = self._answer(asked, meter)
        for standing in hits:
            kind = standing.fault.kind
            if kind is FaultKind.LATE:
                answer.late_us += standing.fault.late_us
                answer.turn_us += answer.late_us
                self._count(standing)
            elif kind is FaultKind.NOISE:
                if self._chance.random() < standing.fault.chance:
                    answer.defect = kind
                    self._count(standing)
            elif kind in _DEFECTS and answer.defect is None and _can_have(kind, asked, answer):
                answer.defect = kind
                self._count(standing)
        if FaultKind.LOST_REPLY in kinds:
            self._count(next(one for one in hits if one.fault.kind is FaultKind.LOST_REPLY))
            return None
        return answer

    def _answer(self, asked: Asked, meter: SimulatedMeter) -> Answer:
        request = asked.request
        if request is None:
            assert asked.refused is not None
            return self._refusal(asked, asked.refused.code)
        try:
            body = _obeyed(meter, request)
        except Refused as refused:
            return self._refusal(asked, refused.code)
        return Answer(asked.unit, asked.code, body, self._turn_us(asked.unit))

    def _refusal(self, asked: Asked, code: int) -> Answer:
        return Answer(
            asked.unit, asked.code | _ERROR, bytes((code,)), self._turn_us(asked.unit), exception_code=code
        )

    def _turn_us(self, unit: int) -> int:
        turn = self.turns.get(unit) or self._turn
        if turn is None:
            return round(self.meters[unit].profile.link.turn_s * 1_000_000)
        if turn.low_us == turn.high_us:
            return turn.low_us
        return turn.low_us + int(self._chance.random() * (turn.high_us - turn.low_us + 1))

    def mutilated(self, frame: bytes) -> bytes:
        """A frame as noise leaves it: one to three bytes are others."""
        data = bytearray(frame)
        for _ in range(self._chance.randint(1, 3)):
            data[self._chance.randrange(len(data))] ^= self._chance.randint(1, 255)
        return bytes(data) if bytes(data) != frame else frame[:-1] + bytes((frame[-1] ^ 1,))

    def _meters_of(self, fault: Fault) -> list[SimulatedMeter]:
        if fault.unit is None:
            return list(self.meters.values())
        meter = self.meters.get(fault.unit)
        if meter is None:
            units = ", ".join(map(str, self.meters)) or "none"
            raise NotFound(f"no simulated meter has unit {fault.unit} here; the units are {units}")
        return [meter]

    def _check(self, fault: Fault, meters: list[SimulatedMeter]) -> None:
        for meter in meters if fault.point else ():
            try:
                is_bits = meter.profile.point(fault.point).function.reads_bits
            except KeyError:
                raise BadFault(f"a {meter.profile.id} has no point {fault.point!r}") from None
            if is_bits:
                raise BadFault(
                    f"point {fault.point!r} is bits; use relay_stuck or lying_relay for a relay's status"
                )
        if fault.kind is FaultKind.SWAPPED and meters[0].profile.identity is None:
            raise BadFault(f"a {meters[0].profile.id} has no serial number that could show a swap")

    def _count(self, standing: _Standing) -> None:
        if standing.left is not None:
            standing.left -= 1
            if standing.left <= 0 and standing in self._faults:
                self._faults.remove(standing)

    def _take_off(self, is_meant: Callable[[_Standing], bool]) -> None:
        for standing in [one for one in self._faults if is_meant(one)]:
            self._faults.remove(standing)
            for meter in self._meters_of(standing.fault):
                _take_off(meter, standing.fault)


@dataclass(slots=True, eq=False)
class _Standing:
    """A fault that is on, and how many transactions it will still spoil."""

    fault: Fault
    left: int | None


def _obeyed(meter: SimulatedMeter, request: Request) -> bytes:
    function = request.function
    if function.is_write:
        meter.write(request)
        return echo_of(request)
    if not function.reads_bits:
        data = meter.registers(function, request.address, request.count)
        return bytes((len(data),)) + data
    bits = meter.bits(function, request.address, request.count)
    if room := -request.count % 8:
        bits = bits + meter.bits_after(function, request.address + request.count, room)
    data = packed_bits(bits)
    return bytes((len(data),)) + data


def _can_have(kind: FaultKind, asked: Asked, answer: Answer) -> bool:
    """Whether this answer can have this defect: an exception has no length, a read no echo."""
    is_write = asked.request is not None and asked.request.function.is_write
    if kind is FaultKind.WRONG_ECHO:
        return is_write and answer.exception_code is None
    if kind is FaultKind.WRONG_LENGTH:
        return not is_write and answer.exception_code is None
    return True


def _put_on(meter: SimulatedMeter, fault: Fault) -> None:
    now_us = meter.settle()
    for circuit in meter.circuits.values():
        relay = circuit.relay
        if fault.kind is FaultKind.RELAY_STUCK:
            relay.is_stuck = True
        elif fault.kind is FaultKind.LYING_RELAY:
            relay.is_lying = True
        elif fault.kind is FaultKind.STATUS_LAG:
            relay.lag_us = fault.late_us
        elif fault.kind is FaultKind.SELF_TRIP:
            relay.move(now_us, is_closed=False)
        elif fault.kind is FaultKind.TRIPS_AT_ZERO:
            circuit.trips_at_zero = True
    if fault.kind is FaultKind.REBOOT:
        meter.reboot()
    elif fault.kind is FaultKind.STUCK_REGISTER:
        meter.freeze(fault.point)
    elif fault.kind is FaultKind.TRANSIENT_ZERO:
        meter.zeroed[fault.point] = fault.times or 1
    elif fault.kind is FaultKind.SWAPPED:
        meter.swap(fault.serial)


def _take_off(meter: SimulatedMeter, fault: Fault) -> None:
    now_us = meter.settle()
    for circuit in meter.circuits.values():
        relay = circuit.relay
        if fault.kind is FaultKind.RELAY_STUCK:
            relay.is_stuck = False
        elif fault.kind is FaultKind.LYING_RELAY:
            relay.is_lying = False
            relay.tell_the_truth(now_us)
        elif fault.kind is FaultKind.STATUS_LAG:
            relay.lag_us = 0
        elif fault.kind is FaultKind.TRIPS_AT_ZERO:
            circuit.trips_at_zero = False
    if fault.kind is FaultKind.STUCK_REGISTER:
        meter.frozen.pop(fault.point, None)
    elif fault.kind is FaultKind.SWAPPED:
        meter.swap_back()
