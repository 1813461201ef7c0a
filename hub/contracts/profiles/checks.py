"""How the parts of a profile must fit together; values that are wrong by themselves were refused before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from hub.contracts.links import Function
from hub.contracts.profiles.faults import Faults, Path, listed
from hub.contracts.profiles.fields import ADDRESS_MAX
from hub.contracts.profiles.model import Action, Check, Kind, Point, Profile, Range, Step, WordType
from hub.contracts.profiles.points import Row
from hub.contracts.profiles.tables import TABLES, denied, table_of
from hub.core.config import did_you_mean

_IDENTITY: Path = ("identity",)


class Placed(NamedTuple):
    """A point and where it is written."""

    point: Point
    path: Path


class Relay(NamedTuple):
    """A relay, of the meter or of one circuit, and where it is written."""

    check: Check | None
    actions: Mapping[str, Action]
    path: Path


def check_profile(profile: Profile, rows: Sequence[Row], faults: Faults) -> None:
    """Note everything in a profile that contradicts itself."""
    placed = [Placed(point, row.path) for row in rows for point in row.points]
    _check_names(placed, faults)
    _check_multipliers(placed, faults)
    if profile.identity is not None:
        placed.append(Placed(profile.identity.point, _IDENTITY))
    for one in placed:
        _check_readable(profile, one, faults)
    _check_overlaps(placed, faults)
    _check_ranges(profile, faults)
    for relay in relays_of(profile):
        _check_relay(profile, relay, faults)
    _check_balance(profile, faults)


def relays_of(profile: Profile) -> Iterator[Relay]:
    """The meter's relay and those of its circuits, with the paths of their sections."""
    yield Relay(profile.relay, profile.actions, ())
    for channel in profile.channels:
        yield Relay(channel.relay, channel.actions, ("channels",))


def _check_names(placed: Sequence[Placed], faults: Faults) -> None:
    seen: dict[str, Path] = {}
    for point, path in placed:
        if point.name in seen:
            where = faults.place(seen[point.name])
            faults.add(path, f"the name {point.name!r} is there already, by the entry at {where}", at_key=True)
        seen.setdefault(point.name, path)


def _check_multipliers(placed: Sequence[Placed], faults: Faults) -> None:
    by_name = {one.point.name: one.point for one in placed}
    for point, path in placed:
        for name in point.multiply_by:
            ratio = by_name.get(name)
            here = (*path, "multiply_by")
            if ratio is None:
                faults.add(here, f"there is no point {name!r}.{did_you_mean(name, by_name)}")
            elif ratio.kind is Kind.COUNTER or ratio.type in {WordType.ASCII, WordType.BITS}:
                faults.add(here, f"{name!r} is no ratio: it must be a number that is no counter")
            elif ratio.multiply_by:
                faults.add(here, f"{name!r} is multiplied itself; list all ratios here")


def _check_readable(profile: Profile, one: Placed, faults: Faults) -> None:
    point, path = one
    capabilities = profile.capabilities
    if point.function not in capabilities.functions:
        faults.add(path, f"{point.name} is read by function {_not_able(profile, point.function)}")
    if point.last > ADDRESS_MAX:
        faults.add((*path, "at"), f"{point.name} would end at 0x{point.last:X}, above 0xFFFF")
    most = capabilities.coils_max if point.function.reads_bits else capabilities.registers_max
    if point.count > most:
        text = f"{point.name} takes {point.count}, the meter answers at most {most} in one read: it would tear"
        faults.add((*path, "count"), text)
    for listed_range in profile.forbidden:
        if listed_range.function is point.function and listed_range.touches(point.address, point.last):
            faults.add((*path, "at"), f"{point.name} lies in the forbidden range {_range(listed_range)}")


def _not_able(profile: Profile, function: Function) -> str:
    able = listed(f"{one:d}" for one in sorted(profile.capabilities.functions))
    return f"{function:d}, and capabilities.functions has {able} only"


def _check_overlaps(placed: Sequence[Placed], faults: Faults) -> None:
    """The same registers may carry two names, whole and alike; a value that begins inside another is a misprint."""
    ordered = sorted(placed, key=lambda one: (one.point.function, one.point.address, -one.point.count))
    widest: Placed | None = None
    for one in ordered:
        point = one.point
        if widest is None or widest.point.function is not point.function or widest.point.last < point.address:
            widest = one
            continue
        other = widest.point
        alike = (other.address, other.count, other.type, other.order)
        if alike != (point.address, point.count, point.type, point.order):
            text = (
                f"{point.name} takes {_span(point.address, point.last)}, which {other.name} at "
                f"{faults.place(widest.path)} takes as another value ({_span(other.address, other.last)}, "
                f"{other.type.value}); one of them is wrong"
            )
            faults.add((*one.path, "at"), text)
        if point.last > other.last:
            widest = one


def _check_ranges(profile: Profile, faults: Faults) -> None:
    for proven in profile.gaps_proven:
        for forbidden in profile.forbidden:
            if proven.function is forbidden.function and forbidden.touches(proven.first, proven.last):
                text = f"{_range(proven)} is forbidden as well ({_range(forbidden)}); decide which"
                faults.add(("gaps_proven", _table(proven)), text)


def _check_relay(profile: Profile, relay: Relay, faults: Faults) -> None:
    check, actions, path = relay
    if check is None:
        if actions:
            text = (
                "an action needs a relay: section that says how its position is read back; "
                "a relay that cannot be read is not commanded"
            )
            faults.add((*path, "actions"), text, at_key=True)
        return
    here = (*path, "relay")
    _check_positions(check, here, faults)
    if check.function not in profile.capabilities.functions:
        faults.add((*here, "read"), f"the relay is read by function {_not_able(profile, check.function)}")
    most = profile.capabilities.coils_max if check.function.reads_bits else profile.capabilities.registers_max
    if check.count > most:
        faults.add((*here, "count"), f"{check.count} is more than the {most} that the meter answers in one read")
    if check.address + check.count - 1 > ADDRESS_MAX:
        faults.add((*here, "at"), "it would end above 0xFFFF")
    for name, action in actions.items():
        for number, step in enumerate(action.before):
            _check_step(profile, step, (*path, "actions", name, "before", number), faults)
        _check_step(profile, action.command, (*path, "actions", name, "command"), faults)
    if actions and actions["open"].command == actions["close"].command:
        text = "open and close write the same: a toggle cannot be repeated safely, so it is not commanded"
        faults.add((*path, "actions", "close", "command"), text)


def _check_positions(check: Check, path: Path, faults: Faults) -> None:
    bits = check.count if check.function.reads_bits else 16 * check.count
    if check.mask >> bits:
        faults.add((*path, "mask"), f"the mask 0x{check.mask:X} is wider than the {bits} bits that are read")
    values = {"open": check.open_value, "closed": check.closed_value, "armed": check.armed_value}
    for word, value in values.items():
        if value is not None and value & ~check.mask:
            text = f"0x{value:X} has bits outside the mask 0x{check.mask:X}, so it is never seen"
            faults.add((*path, word), text)
    known = [value for value in values.values() if value is not None]
    if len(set(known)) < len(known):
        faults.add(path, "open, closed and armed must differ, or the position cannot be told")


def _check_step(profile: Profile, step: Step, path: Path, faults: Faults) -> None:
    if step.function not in profile.capabilities.functions:
        faults.add((*path, "write"), f"this writes by function {_not_able(profile, step.function)}")
    last = step.address + len(step.values) - 1
    if last > ADDRESS_MAX:
        faults.add((*path, "at"), f"it would end at 0x{last:X}, above 0xFFFF")
    bar = denied(profile, step)
    if bar is not None:
        why = f", since {bar.reason}" if bar.reason else ""
        text = f"this writes {_span(step.address, last)}, which deny: lists as never written ({_range(bar)}{why})"
        faults.add((*path, "at"), text)


def _check_balance(profile: Profile, faults: Faults) -> None:
    if profile.balance is None:
        return
    point, function = profile.balance.point, profile.balance.function
    if point.counter is not None or point.type in {WordType.ASCII, WordType.BITS}:
        faults.add(("balance", "point"), f"{point.name} is no number that only shows something: it must be a gauge")
    if point.function is not table_of(function) or (function is Function.WRITE_REGISTER and point.count > 1):
        text = f"function {function:d} cannot write {point.name}, which takes {point.count} of the table that "
        faults.add(("balance", "write"), f"{text}function {point.function:d} reads")
        return
    step = Step(function=function, address=point.address, values=(0,) * point.count)
    _check_step(profile, step, ("balance",), faults)


def _table(listed_range: Range) -> str:
    return next(name for name, function in TABLES.items() if function is table_of(listed_range.function))


def _range(listed_range: Range) -> str:
    return _span(listed_range.first, listed_range.last)


def _span(first: int, last: int) -> str:
    return f"0x{first:04X}" if first == last else f"0x{first:04X}-0x{last:04X}"
