"""Failures, restarts and replaced meters in the middle of it: no energy is lost, and none counts twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from metered_stage import STALL, Metered, MeteredPlugin, play, register

from hub.contracts.ids import RegisterId
from hub.core import faultpoints


@contextmanager
def happening_at(point: str, what: Callable[[], object]) -> Iterator[None]:
    """Something else happens whenever a point is passed."""

    def passed(name: str) -> None:
        if name == point:
            what()

    faultpoints.install(passed)
    try:
        yield
    finally:
        faultpoints.install(None)


def _fail() -> None:
    raise RuntimeError("a test says no")


def test_what_could_not_be_written_is_written_with_the_next_look(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(3_600)
        with happening_at("prepaid.after_charge", _fail):
            await metered.say(1_000)
        assert (await metered.totals(), await metered.charged()) == ([0], 0)
        await metered.hub.advance(60)
        await metered.say(1_010)
        assert await metered.totals() == [0, 1_010]
        assert (await metered.charged(), str(metered.shown("balance"))) == (101, "-1.01")

    play(tmp_path, scene)


def test_a_restart_goes_on_from_what_is_written_down(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(3_600)
        await metered.say(1_000)
        await metered.hub.advance(60)
        await metered.say(1_010)
        await metered.restart()
        await metered.hub.advance(60)
        await metered.say(1_020)
        assert await metered.totals() == [0, 1_000]
        assert str(metered.shown("balance")) == "-1.02"
        await metered.hub.advance(3_600)
        await metered.say(1_500)
        assert (await metered.totals(), await metered.charged()) == ([0, 1_000, 1_500], 150)

    play(tmp_path, scene)


def test_after_a_restart_another_main_register_begins_its_own_count(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(3_600)
        await metered.say(1_000)
        metered.field.by_point[STALL] = (register(register=RegisterId("energy_total")),)
        await metered.restart()
        await metered.hub.advance(60)
        await metered.say(77_000)
        assert await metered.totals() == [0, 1_000, 0]

    play(tmp_path, scene)


def test_a_meter_that_is_replaced_while_its_read_is_written_down_is_not_missed(tmp_path: Path) -> None:
    async def scene(metered: Metered) -> None:
        await metered.say(0)
        await metered.hub.advance(3_600)
        with happening_at("prepaid.after_charge", lambda: MeteredPlugin.here.intake.forget(STALL)):
            await metered.say(1_000)
        assert (await metered.totals(), await metered.charged()) == ([0, 1_000], 100)
        await MeteredPlugin.here.intake.take_up()
        await metered.hub.advance(3_600)
        await metered.say(1_500)
        assert (await metered.totals(), await metered.charged()) == ([0, 1_000, 1_500], 150)

    play(tmp_path, scene)
