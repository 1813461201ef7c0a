"""The prepaid plugin over meters whose every reading a test says: values, times, tags and quality."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hub.contracts.ids import AccountId, MeterId, PointId, RegisterId
from hub.contracts.metering import READINGS, ReadFailed, Reading, Register
from hub.contracts.relays import RELAYS
from hub.core.clock import Clock, to_us
from hub.core.plugins import PluginHub, PluginState
from hub.core.states import GOOD
from hub.core.storage import Reader
from hub.sim import VirtualLoop, run_virtual
from hub.testing.fakes import FakeReadings, FakeRelays
from hub.testing.harness import HubHarness, start_hub
from plugins.prepaid.charging.book import load_book
from plugins.prepaid.charging.charger import Charger
from plugins.prepaid.charging.intake import Intake
from plugins.prepaid.charging.verify import posted_as_folded
from plugins.prepaid.gate.verify import verify_reads
from plugins.prepaid.journal import verify
from plugins.prepaid.journal.balances import balance
from plugins.prepaid.journal.chart import prepaid
from plugins.prepaid.plugin import PrepaidPlugin

T = TypeVar("T")
MAIN = RegisterId("energy_import")
STALL = PointId("stall")
PLACES = [{"point": "stall", "account": "noodles", "tariff": "flat"}]
FLAT = "tariff: flat\nname: F\ncurrency: CNY\ntime_zone: Asia/Shanghai\nenergy: {price: 1}\n"

BANDED = """
tariff: flat
name: Two prices
currency: CNY
time_zone: Asia/Shanghai
times:
  - bands: {day: 08:00-20:00, night: rest}
energy:
  prices: {day: 1, night: 0.5}
"""


class MeteredPlugin(PrepaidPlugin):
    """The plugin as it is, within reach of a test."""

    here: ClassVar[MeteredPlugin]

    async def setup(self, hub: PluginHub) -> None:
        """Set up."""
        await super().setup(hub)
        MeteredPlugin.here = self

    @property
    def intake(self) -> Intake:
        """Where its readings come in."""
        return self._intake

    @property
    def charger(self) -> Charger:
        """What charges them."""
        return self._charger

    async def show_new_accounts(self) -> None:
        """As whoever opens accounts does."""
        await self._shown.register()


class SpokenReadings(FakeReadings):
    """A field layer that says what a test tells it to; boundary reads that it is asked for are noted, not made."""

    def __init__(self, clock: Clock) -> None:
        """No meters yet."""
        super().__init__(clock)
        self.by_point: dict[PointId, tuple[Register, ...]] = {}
        self.asked: list[tuple[list[PointId], int]] = []

    def registers(self, point: PointId) -> tuple[Register, ...]:
        """What a test hung up there."""
        return self.by_point.get(point, ())

    async def read_at(
        self, points: Collection[PointId], instant_us: int
    ) -> Mapping[PointId, tuple[Reading, ...] | ReadFailed]:
        """Note it."""
        self.asked.append((sorted(points), instant_us))
        return {}

    def say(self, reading: Reading) -> None:
        """Let a reading come."""
        for stream in self._streams:
            stream.put(reading)


@dataclass(slots=True)
class Metered:
    """A running hub with the plugin, and what its field says."""

    hub: HubHarness
    field: SpokenReadings
    config: Mapping[str, Any]
    withdraw_readings: Callable[[], None] = lambda: None
    """Take the field layer away, as when its plugin is stopped."""

    @property
    def now_us(self) -> int:
        """The present instant."""
        return self.hub.clock.now_us()

    async def start(self, texts: Mapping[str, str]) -> None:
        """Write the site's files and load the plugin."""
        for name, text in texts.items():
            (self.hub.hub.site.folder / name).write_text(text)
        self._provide()
        status = await self.hub.load_plugin(MeteredPlugin, self.config)
        assert status.state is PluginState.RUNNING, status
        await self.hub.advance(0.1)  # until it listens

    async def restart(self, off_s: float = 0) -> None:
        """Stop everything in order and start it again on the same files, after some time without the plugin."""

        async def prepare() -> None:
            await self.hub.advance(off_s)
            self._provide()

        await self.hub.restart(prepare)
        await self.hub.advance(0.1)

    async def say(self, raw: int, point: PointId = STALL, **changes: Any) -> None:
        """Let a reading of now come, with whatever is changed about it, and the books take it in."""
        self.put(raw, point, **changes)
        await self.hub.advance(0.01)

    def put(self, raw: int, point: PointId = STALL, **changes: Any) -> None:
        """Let a reading come, and nobody have looked at it yet."""
        register = next(
            one for one in self.field.by_point[point] if one.register == changes.get("register", one.register)
        )
        plain = Reading(
            point=point, meter=register.meter, register=register.register, serial="S1", words=(raw & 0xFFFF,),
            raw=raw, scale=register.scale, unit=register.unit, quality=GOOD, source_us=self.now_us,
            received_us=self.now_us, frame_sha="00", plan="test",
        )  # fmt: skip
        self.field.say(replace(plain, **changes))

    async def read(self, fn: Callable[[Reader], T]) -> T:
        """One snapshot for the prepaid plugin."""
        return await self.hub.kernel.db.read(fn, owner="prepaid")

    async def rows(self, sql: str, *values: int | str) -> list[tuple[Any, ...]]:
        """Rows of the plugin's tables."""
        return await self.read(lambda reader: [tuple(row) for row in reader.all(sql, values)])

    async def totals(self) -> list[int]:
        """What the accepted reads of the stall say, epoch by epoch, in order of time."""
        found = await self.rows("SELECT total_wh FROM prepaid__reads ORDER BY epoch, at_us")
        return [row[0] for row in found]

    async def charged(self, account: str = "noodles") -> int:
        """What an account was charged so far, posted."""
        posted = await self.read(lambda reader: balance(reader, prepaid(AccountId(account))))
        return int(posted)

    def shown(self, quantity: str, of: str = "noodles") -> object:
        """An entity of an account or a point."""
        state = self.hub.kernel.states.get(f"sensor.{of}_{quantity}")
        return None if state is None else state.value

    async def close(self) -> None:
        """Whatever was played, the books hold; then stop."""
        assert (await self.read(lambda reader: verify(reader, self.hub.clock))).findings == []
        assert (await self.read(verify_reads)).findings == []
        assert await self.read(lambda reader: list(posted_as_folded(reader, load_book(reader)))) == []
        await self.hub.hub.stop()

    def _provide(self) -> None:
        relays = FakeRelays(self.hub.clock)
        for place in self.config["opening"]["places"]:
            relays.add_relay(PointId(place["point"]))
        self.withdraw_readings = self.hub.kernel.services.provide(READINGS, self.field, owner="test")
        self.hub.provide(RELAYS, relays)


def register(point: PointId = STALL, **changes: Any) -> Register:
    """A main register in Wh on a circuit of 60 kW."""
    plain = Register(
        point=point, meter=MeterId(f"meter_{point}"), register=MAIN, unit="Wh", scale=0, modulus_raw=1_000_000,
        power_max_w=60_000,
    )  # fmt: skip
    return replace(plain, **changes)


def play(
    folder: Path,
    scene: Callable[[Metered], Awaitable[T]],
    *,
    tariff: str = FLAT,
    places: Sequence[Mapping[str, object]] = PLACES,
    registers: Mapping[PointId, tuple[Register, ...]] | None = None,
    begins: str = "2026-11-20T08:00+08:00",
    grid: str = "60 min",
) -> T:
    """Start the plugin on a site with a tariff and places, play, and look whether the books hold."""

    async def main(loop: VirtualLoop) -> T:
        hub = await start_hub(folder)
        clock = hub.clock
        clock.step((to_us(datetime.fromisoformat(begins)) - clock.now_us()) // 1_000_000)
        field = SpokenReadings(clock)
        field.by_point.update(registers or {STALL: (register(),)})
        opening = {"tariffs": ["tariff.yaml"], "places": [dict(place) for place in places]}
        metered = Metered(hub, field, {"opening": opening, "billing_grid": grid})
        await metered.start({"tariff.yaml": tariff})
        found = await scene(metered)
        await metered.close()
        return found

    return run_virtual(main)
