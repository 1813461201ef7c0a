"""`hub demo`: a small simulated site, run for real, with what happens written line by line."""

from __future__ import annotations

import asyncio
import json
import logging
import shlex
import signal
import tempfile
from decimal import Decimal
from pathlib import Path

import click

from hub.cli.logs import set_up_logging
from hub.cli.program import program
from hub.contracts.axes import ShownState
from hub.contracts.relays import CommandFinished, Desired, Outcome
from hub.contracts.supply import SupplyChanged, TripRequested
from hub.contracts.topups import ToppedUp
from hub.contracts.units import major_units
from hub.core.clock import Clock, SystemClock
from hub.core.hub import Hub
from hub.core.ids import SystemIds
from hub.core.plugins import PluginState, discover_all
from hub.core.site import load_site
from hub.core.states import StateChanged
from hub.sim.demo import copy_site

ACCOUNT, POINT = "noodle_house", "stall_07"
ENERGY, BALANCE = f"sensor.{POINT}_energy_import", f"sensor.{ACCOUNT}_balance"
SCALE = 2
FIRST_TOPUP, NEXT_TOPUP = Decimal("0.08"), Decimal("0.30")
PAUSE_BEFORE_TOPUP_S = 5.0
ONCE_LIMIT_S = 60.0
ONE_ROUND = ("poll", "posting", "rule", "command")


@click.command()
@click.option(
    "--once", is_flag=True, help="Stop after one poll, posting, rule and confirmed command; 0 if all came."
)
@click.option("--json", "as_json", is_flag=True, help="Write each event as one JSON object.")
def demo(once: bool, as_json: bool) -> None:
    """Run a simulated food stall: its money runs out, it is cut off, pays, and has power again."""
    set_up_logging(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="hub-demo-") as folder:
        is_done = asyncio.run(_run(Path(folder), once, as_json))
    if not is_done:
        raise SystemExit(1)


async def _run(folder: Path, once: bool, as_json: bool) -> bool:
    copy_site(folder)
    site = load_site(folder)
    registry = discover_all(site)
    clock = SystemClock()
    hub = Hub(site, clock, SystemIds(), found=list(registry.found.values()), broken=registry.broken)
    story = _Story(hub, clock, once=once, as_json=as_json)
    await hub.start()
    try:
        broken = [one for one in hub.plugins.statuses() if one.state is not PluginState.RUNNING]
        for status in broken:
            click.echo(f"plugin {status.name} is {status.state.value}: {status.reason}", err=True)
        if not once:
            click.echo(f"The demo runs in {folder}; ask it from another terminal, for example:", err=True)
            click.echo(f"  {program()} entity watch --folder {shlex.quote(str(folder))}", err=True)
            click.echo("Ctrl-C stops it.", err=True)
        return await story.tell()
    finally:
        await hub.stop()


class _Story:
    """Listens to the hub, writes what it hears, and plays the tenant."""

    def __init__(self, hub: Hub, clock: Clock, *, once: bool, as_json: bool) -> None:
        self._hub = hub
        self._clock = clock
        self._once = once
        self._as_json = as_json
        self._seen: set[str] = set()
        self._ended = asyncio.Event()
        self._tripped = asyncio.Event()
        bus = hub.kernel.bus
        bus.subscribe(StateChanged, self._energy, key=ENERGY, owner="demo")
        bus.subscribe(StateChanged, self._balance, key=BALANCE, owner="demo")
        bus.subscribe(TripRequested, self._requested, key=POINT, owner="demo")
        bus.subscribe(CommandFinished, self._commanded, key=POINT, owner="demo")
        bus.subscribe(ToppedUp, self._paid, key=ACCOUNT, owner="demo")
        bus.subscribe(SupplyChanged, self._supplied, key=POINT, owner="demo")

    async def tell(self) -> bool:
        """Play until the end: one round, or somebody's Ctrl-C."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ended.set)
        tenant = loop.create_task(self._play_tenant())
        try:
            async with asyncio.timeout(ONCE_LIMIT_S if self._once else None):
                await self._ended.wait()
        except TimeoutError:
            pass
        finally:
            tenant.cancel()
        missing = [step for step in ONE_ROUND if step not in self._seen]
        if self._once and missing:
            click.echo(f"not seen within {ONCE_LIMIT_S:g} s: {', '.join(missing)}", err=True)
        return not (self._once and missing)

    async def _play_tenant(self) -> None:
        await self._top_up(FIRST_TOPUP)
        while True:
            await self._tripped.wait()
            self._tripped.clear()
            await self._clock.sleep(PAUSE_BEFORE_TOPUP_S)
            await self._top_up(NEXT_TOPUP)

    async def _top_up(self, amount: Decimal) -> None:
        receipt = self._hub.kernel.ids.new()
        await self._hub.kernel.actions.call(
            "topup.cash", {"account": ACCOUNT, "amount": amount, "receipt": receipt}, key=receipt
        )

    def _energy(self, event: StateChanged) -> None:
        if event.new is not None and event.is_value_edge:
            self._say("poll", f"{POINT} reads {event.new.value} kWh", energy_kwh=str(event.new.value))

    def _balance(self, event: StateChanged) -> None:
        if event.old is None or event.new is None or not event.is_value_edge:
            return
        was, now = event.old.value, event.new.value
        if isinstance(was, Decimal) and isinstance(now, Decimal) and now < was:
            self._say("posting", f"{ACCOUNT} is charged {was - now}, has {now}", balance=str(now))

    def _requested(self, event: TripRequested) -> None:
        actor = event.context.actor
        if actor.startswith("rule:"):
            rule = actor.removeprefix("rule:")
            self._say("rule", f"{rule} asks to cut {POINT} off: {event.answer.value}", rule=rule)

    def _commanded(self, event: CommandFinished) -> None:
        result = event.result
        if result.outcome is Outcome.CONFIRMED:
            took_ms = (result.finished_us - result.queued_us) // 1000
            self._say(
                "command", f"relay {result.desired.value}, read back and confirmed in {took_ms} ms",
                relay=result.desired.value, took_ms=took_ms,
            )  # fmt: skip
            if self._once and result.desired is Desired.OPEN:
                self._ended.set()

    def _paid(self, event: ToppedUp) -> None:
        if not self._once:
            amount = major_units(event.amount_minor, SCALE)
            self._say("topup", f"{ACCOUNT} pays {amount}", amount=str(amount))

    def _supplied(self, event: SupplyChanged) -> None:
        if event.shown is ShownState.TRIPPED:
            self._tripped.set()

    def _say(self, step: str, text: str, **facts: object) -> None:
        if self._once and step in self._seen:
            return
        self._seen.add(step)
        at = self._clock.now()
        if self._as_json:
            click.echo(json.dumps({"at": at.isoformat(), "event": step, **facts}))
        else:
            click.echo(f"{at.astimezone():%H:%M:%S.%f}"[:-3] + f"  {step:8} {text}")
