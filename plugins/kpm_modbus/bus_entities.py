"""How buses and meters do, as entities for people and rules, with an alarm for what a person has to see to.

They are looked at every 10 s (meters every 30 s), or once per fast period where that is longer. What is shown is
rounded, so that a healthy bus changes few states.
"""

from __future__ import annotations

from decimal import Decimal

from hub.contracts.ids import PointId
from hub.contracts.metering import BusHasAnotherMaster
from hub.contracts.naming import bus_binary, bus_sensor, point_sensor, unique_id
from hub.core.plugins import EntityHandle, PluginHub
from hub.core.registry import EntityWanted
from plugins.kpm_modbus.bus_figures import BusFigures, age_s
from plugins.kpm_modbus.device import Device

BUS_PERIOD_S = 10.0
METER_PERIOD_S = 30.0
STRETCH_TOLD = 1.05
"""From this factor on people are told, until it is 1 again: a load on the edge must not fill the log."""

BUS_SENSORS = {
    "load": "%", "planned_load": "%", "efficiency": "%", "lateness": "s", "errors": "%", "answer_time": "ms",
}  # fmt: skip
HEALTHY = "healthy"
METER_SENSORS = {"signal": "%", "meter_age": "s", "answer_time": "ms"}


class BusEntities:
    """One bus and its meters, shown."""

    def __init__(self, hub: PluginHub, figures: BusFigures) -> None:
        """Show these figures; `add` the entities first."""
        self._hub = hub
        self._figures = figures
        fast_s = figures.worker.period_s("fast")
        self._bus_period_s = max(BUS_PERIOD_S, fast_s)
        self._meter_period_s = max(METER_PERIOD_S, fast_s)
        self._bus: dict[str, EntityHandle] = {}
        self._meters: dict[tuple[int, str], EntityHandle] = {}
        self._was_stretched = False
        self._was_disturbed = False

    async def add(self) -> None:
        """Register the entities."""
        bus = self._figures.worker.bus
        period_us = round(self._bus_period_s * 1e6)
        of_bus = {
            name: EntityWanted(
                unique_id("bus", bus, name), bus_sensor(bus, name), _called(bus, name), unit=unit,
                period_us=period_us,
            )
            for name, unit in BUS_SENSORS.items()
        }  # fmt: skip
        of_bus[HEALTHY] = EntityWanted(
            unique_id("bus", bus, HEALTHY), bus_binary(bus, HEALTHY), _called(bus, HEALTHY), period_us=period_us
        )
        of_meters = {
            (device.unit, name): self._wanted(device, name, unit)
            for device in self._figures.worker.devices
            for name, unit in METER_SENSORS.items()
            if not _has_its_own(device, name)
        }
        handles = await self._hub.add_entities([*of_bus.values(), *of_meters.values()])
        self._bus = dict(zip(of_bus, handles, strict=False))
        self._meters = dict(zip(of_meters, handles[len(of_bus) :], strict=True))

    async def refresh_bus(self) -> None:
        """Keep the bus's entities up, for ever."""
        while True:
            await self._hub.clock.sleep(self._bus_period_s)
            self._figures.look()
            self._show_bus()
            self._tell_of_stretching()
            self._tell_of_another_master()

    async def refresh_meters(self) -> None:
        """Keep the meters' entities up, for ever."""
        while True:
            await self._hub.clock.sleep(self._meter_period_s)
            now_us = self._hub.clock.now_us()
            for device in self._figures.worker.devices:
                self._show_meter(device, now_us)

    def _wanted(self, device: Device, name: str, unit: str) -> EntityWanted:
        point = PointId(device.meter)
        return EntityWanted(
            unique_id("point", point, name), point_sensor(point, name), _called(point, name), unit=unit,
            period_us=round(self._meter_period_s * 1e6),
        )  # fmt: skip

    def _show_bus(self) -> None:
        figures, health = self._figures, self._figures.worker.health
        shown = self._bus
        shown["load"].set(_percent(figures.load))
        shown["planned_load"].set(
            _percent(figures.worker.planned_load),
            attributes={"stretched": {group: f"{factor:.2f}" for group, factor in figures.stretched.items()}},
        )
        if figures.efficiency is not None:
            shown["efficiency"].set(_percent(figures.efficiency))
        shown["lateness"].set(_rounded(health.lateness_quantile_s(0.99), 1), attributes={
            "p50_s": _rounded(health.lateness_quantile_s(0.5), 1)
        })  # fmt: skip
        shown["errors"].set(
            _percent(figures.error_share),
            attributes={"since_start": {kind.value: count for kind, count in health.failures.items()}},
        )
        turn_s = figures.turn_s(0.5)
        if turn_s is not None:
            shown["answer_time"].set(round(turn_s * 1000))
        problems = figures.problems()
        shown[HEALTHY].set(not problems, attributes={"problems": problems})

    def _show_meter(self, device: Device, now_us: int) -> None:
        answers = self._figures.link.answers.get(device.unit)
        if answers is not None and answers.signal is not None:
            self._show(device, "signal", round(100 * answers.signal))
        if device.turns.last_us:
            self._show(device, "answer_time", round(1000 * device.turns.quantile_s(0.5, 0.0)))
        age = age_s(device, now_us)
        if age is not None:  # in whole periods: a meter that is read on time stays at 0
            period_s = max(1.0, self._figures.worker.period_s("fast"))
            self._show(device, "meter_age", int(age // period_s * period_s))

    def _show(self, device: Device, name: str, value: int) -> None:
        handle = self._meters.get((device.unit, name))
        if handle is not None:
            handle.set(value)

    def _tell_of_stretching(self) -> None:
        worker, stretched = self._figures.worker, self._figures.stretched
        if any(factor > STRETCH_TOLD for factor in stretched.values()) and not self._was_stretched:
            groups = " and ".join(f"{group} ({factor:.2f} times)" for group, factor in stretched.items())
            self._was_stretched = True
            self._hub.log.warning(
                "bus %s is planned to %.0f %%: it reads less often: %s",
                worker.bus,
                100 * worker.planned_load,
                groups,
            )
        elif self._was_stretched and not stretched:
            self._was_stretched = False
            self._hub.log.warning("bus %s keeps its configured periods again", worker.bus)

    def _tell_of_another_master(self) -> None:
        if self._was_disturbed or not self._figures.has_another_master:
            return
        self._was_disturbed = True
        bus = self._figures.worker.bus
        self._hub.log.error(
            "bus %s has another master: somebody else asks its meters. Find and disconnect it, then start the hub "
            "again; until then every value on this bus is in danger",
            bus,
        )
        self._hub.bus.publish(BusHasAnotherMaster(bus=bus))


def _has_its_own(device: Device, name: str) -> bool:
    """Whether the meter measures this itself."""
    return any(
        quantity.name == name and quantity.point == PointId(device.meter) for quantity in device.quantities.values()
    )


def _called(owner: str, name: str) -> str:
    return f"{owner} {name}".replace("_", " ")


def _percent(share: float) -> Decimal:
    return _rounded(100 * share, 1)


def _rounded(value: float, digits: int) -> Decimal:
    return Decimal(f"{value:.{digits}f}")
