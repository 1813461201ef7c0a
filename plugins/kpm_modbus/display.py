"""Credit on a meter's own display: written where a bench test has shown what a write does, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import voluptuous as vol

from hub.contracts.ids import PointId
from hub.contracts.links import Failure, LinkFailed, Request
from hub.contracts.metering import Liveness
from hub.contracts.naming import action_name
from hub.contracts.profiles import Balance, Status, Step, Unencodable, decode, denied, encode
from hub.core.actions import Call, Effect
from hub.core.config.fields import decimal
from hub.core.errors import HubError
from hub.core.plugins import PluginHub
from plugins.kpm_modbus.bus import WrongIdentity
from plugins.kpm_modbus.commands import Place
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.schedule import Rank

SHOWN_WITHIN = Decimal("0.1")
"""What may be used up between the write and the look at it, in the display's unit."""


class NotShown(HubError):
    """The display was not set, or nobody knows whether it was; the text says which and why."""


def offer_display(hub: PluginHub, place_of: Callable[[PointId], Place]) -> None:
    """Let the display of a meter be set."""

    async def show(call: Call) -> None:
        await show_balance(place_of(PointId(call.data["point"])), call.data["balance"])

    hub.actions.register(
        action_name("modbus", "show_balance"),
        show,
        effect=Effect.LEVEL,
        description="Set the credit that a meter shows; refused unless its profile is bench-tested.",
        schema={vol.Required("point"): str, vol.Required("balance"): decimal},
    )


async def show_balance(place: Place, value: Decimal) -> None:
    """Set what a meter shows and look at it; raises `NotShown`. Nothing but the display follows from it."""
    device, worker = place.device, place.worker
    balance = checked(device)
    try:
        words = encode(balance.point, value)
    except Unencodable as error:
        raise NotShown(f"{device.meter}: {error}") from None
    point = balance.point

    async def job() -> Decimal | None:
        await worker.prove(device)
        write = Request(
            unit=device.unit, function=balance.function, address=point.address, count=len(words), values=words
        )
        try:
            await worker.transact(device, write)
        except LinkFailed as error:
            if error.reason is Failure.EXCEPTION or not error.was_sent:
                raise
        look = Request(unit=device.unit, function=point.function, address=point.address, count=point.count)
        seen = decode(point, (await worker.transact(device, look)).words).value
        return seen if isinstance(seen, Decimal) else None

    try:
        seen = await worker.urgent(Rank.READ, job)
    except (LinkFailed, WrongIdentity) as error:
        raise NotShown(f"{device.meter}: its display was not set for certain: {error}") from error
    if seen is None or abs(seen - value) > SHOWN_WITHIN:
        raise NotShown(f"{device.meter}: {value} was written to its display, and it shows {seen}")


def checked(device: Device) -> Balance:
    """What may be written on a meter's display now; raises `NotShown` with the reason."""
    profile = device.profile
    balance = profile.balance
    if balance is None:
        raise NotShown(f"{device.meter}: a {profile.id} shows no credit that could be set")
    if profile.status is not Status.BENCH_TESTED:
        raise NotShown(
            f"{device.meter}: profile {profile.id} is {profile.status.value}; what a write to its display does "
            "must be seen on a bench first, then its status is bench_tested"
        )
    step = Step(function=balance.function, address=balance.point.address, values=(0,) * balance.point.count)
    bar = denied(profile, step)
    if bar is not None:
        raise NotShown(f"{device.meter}: {step.address:#06x} is never written: {bar.reason or 'it is denied'}")
    if profile.identity is None or device.serial is None:
        raise NotShown(f"{device.meter}: a {profile.id} has no serial number, so nobody knows whose display it is")
    if device.quarantined_for is not None:
        raise NotShown(f"{device.meter} is quarantined: {device.quarantined_for}")
    if device.liveness is not Liveness.LIVE:
        raise NotShown(f"{device.meter} is {device.liveness.value}; its display is not written blindly")
    return balance
