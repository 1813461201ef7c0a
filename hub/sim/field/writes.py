"""What a write does to a simulated meter: what its profile lists as an action works, deny-listed writes do harm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from hub.contracts.profiles import (
    Action,
    Kind,
    Point,
    Profile,
    Range,
    Step,
    WordType,
    decode,
    denied,
    table_of,
)
from hub.sim.field.image import DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Refused
from hub.sim.field.quantities import quantity_of

if TYPE_CHECKING:
    from hub.sim.field.meter import SimulatedMeter

# The command words of the meters that we know (KPM33B user manual V3.4, register 000C).
CLEAR_ENERGY, CLEAR_PREPAID = 0x5578, 0x5579

# A deny-list names the places that do harm, and often whole stretches besides in which there is nothing.
_NARROW = 7


def obey(meter: SimulatedMeter, step: Step) -> None:
    """Do what a write says; raises `Refused`."""
    profile = meter.profile
    if step.function not in profile.capabilities.functions:
        raise Refused(ILLEGAL_FUNCTION, f"a {profile.id} knows no function {int(step.function):02d}")
    is_known_place = False
    for channel, name, action in actions_of(profile):
        if _is_place(action.command, step):
            is_known_place = True
            if action.command.values == step.values:
                _act(meter, channel, name, action)
                return
        if any(_is_place(before, step) for before in action.before):
            meter.keep(step.function, step.address, step.values)
            return
    balance = profile.balance
    if balance is not None and balance.function is step.function and _put_credit(meter, balance.point, step):
        return
    if is_known_place:
        raise Refused(ILLEGAL_VALUE, f"{step.values} is no command at {step.address:#06x}")
    _do_harm(meter, step, denied(profile, step))


def actions_of(profile: Profile) -> Iterator[tuple[str, str, Action]]:
    """All actions of a meter type: the circuit, the name, and how."""
    groups: list[tuple[str, Mapping[str, Action]]] = [("", profile.actions)]
    groups += [(channel.name, channel.actions) for channel in profile.channels]
    for channel, actions in groups:
        for name, action in actions.items():
            yield channel, name, action


def _is_place(listed: Step, step: Step) -> bool:
    return (
        listed.function is step.function
        and listed.address == step.address
        and len(listed.values) == len(step.values)
    )


def _act(meter: SimulatedMeter, channel: str, name: str, action: Action) -> None:
    for before in action.before:
        table = table_of(before.function)
        kept = tuple(
            meter.settings.get((table, before.address + place), value) for place, value in enumerate(before.values)
        )
        if kept != before.values:  # never written counts as the factory's setting, which is the one that works
            raise Refused(DEVICE_FAILURE, f"{name} does nothing while {before.address:#06x} holds {kept}")
    if name in {"open", "close"}:
        meter.circuits_of(channel)[0].relay.command(meter.true_us(), is_closed=name == "close")


def _do_harm(meter: SimulatedMeter, step: Step, listed: Range | None) -> None:
    """Do what a write to a deny-listed place does in a real meter; raises `Refused` where there is nothing."""
    last = step.address + len(step.values) - 1
    hit = [
        point for point in meter.profile.points
        if table_of(point.function) is table_of(step.function) and point.type is not WordType.BITS
        and step.address <= point.last and last >= point.address
    ]  # fmt: skip
    if listed is None or (not hit and listed.last - listed.first > _NARROW):
        raise Refused(ILLEGAL_ADDRESS, f"nothing can be written at {step.address:#06x}")
    if not hit and step.values == (CLEAR_ENERGY,):
        _clear_energy(meter)
    elif not hit and step.values == (CLEAR_PREPAID,):
        meter.main.put_credit(0)
    elif any(point.counter is not None or point.kind is Kind.COUNTER for point in hit):
        _clear_energy(meter)
    elif not any(_put_credit(meter, point, step) for point in hit):
        meter.keep(step.function, step.address, step.values)


def _clear_energy(meter: SimulatedMeter) -> None:
    for circuit in meter.circuits.values():
        circuit.clear_counters()


def _put_credit(meter: SimulatedMeter, point: Point, step: Step) -> bool:
    """Set the prepaid energy that is left, if that is what the point shows."""
    quantity = quantity_of(point) if "prepaid" in point.name.split("_") else None
    if quantity is None or point.address != step.address or point.count != len(step.values):
        return False
    value = decode(point, step.values).value
    if isinstance(value, Decimal):
        meter.main.put_credit(int(value * quantity.per_unit))
    return True
