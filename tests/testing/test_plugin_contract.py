"""`PluginContract` passes a sound plugin, and fails for each promise that a plugin breaks, saying which."""

from __future__ import annotations

import inspect
from pathlib import Path

import contract_breakers as breakers
import pytest

from hub.core.plugins import Plugin
from hub.sim import VirtualLoop
from hub.testing import PluginContract, start_hub

BAD_CONFIG = "speed: fast\n"
HOUR, AGAIN, CUT, RESTART, TWICE, LINE = (
    "test_it_works_for_an_hour_and_stops_without_leaving_anything",
    "test_it_starts_again_after_a_stop",
    "test_it_survives_being_cut_off_anywhere_in_its_setup",
    "test_its_records_outlive_a_restart_and_its_migrations_run_once",
    "test_its_transactions_may_run_twice",
    "test_a_configuration_error_carries_its_line",
)


class TestASoundPlugin(PluginContract):
    """The contract as an author uses it."""

    plugin = breakers.Sound
    bad_config = BAD_CONFIG


def test_these_are_all_the_promises_there_are() -> None:
    assert {name for name in dir(PluginContract) if name.startswith("test_")} == {
        HOUR, AGAIN, CUT, RESTART, TWICE, LINE,
    }  # fmt: skip


def keep_to(plugin: type[Plugin], promise: str, folder: Path, loop: VirtualLoop) -> None:
    """Run one test of the contract for a plugin, as pytest would."""

    class Contract(PluginContract):
        bad_config = BAD_CONFIG

    Contract.plugin = plugin
    test = getattr(Contract(), promise)
    if not inspect.iscoroutinefunction(test):
        test(tmp_path=folder)
        return

    async def main() -> None:
        hub = await start_hub(folder)
        try:
            await test(hub)
        finally:
            await hub.hub.stop()

    loop.run_until_complete(main())


BREAKERS = [
    (breakers.BeginsTasksOfItsOwn, HOUR, "tasks go on: ['my own task']; begin tasks by hub.spawn or hub.keep"),
    (breakers.HandlesATimerForEver, HOUR, "{'timers': ['tick']}"),
    (breakers.ErrsNowAndThen, HOUR, "work: ValueError: lost the line ("),
    (breakers.CannotStart, HOUR, "sample is failed: ValueError: no line ("),
    (breakers.IgnoresBeingCancelled, HOUR, "it took 5 s to stop; end at once when a task is cancelled"),
    (breakers.StopsSlowly, HOUR, "stop failed: stop did not finish within 10 s"),
    (breakers.StartsOnce, AGAIN, "queries"),
    (breakers.CannotStart, AGAIN, "sample is failed: ValueError: no line ("),
    (breakers.StopTrustsItsSetup, CUT, "stop failed: AttributeError"),
    (breakers.SkipsAStep, RESTART, "migrations must be numbered 1, 2, 3, ...; found [1, 3]"),
    (breakers.ForgetsItsPast, RESTART, "ValueError: the table is not empty ("),
    (breakers.CountsInItsTransaction, TWICE, "an fn(tx) touches something besides its tx"),
    (breakers.WritesTextInItsTransaction, TWICE, "an fn(tx) touches something besides its tx"),
    (breakers.AcceptsAnything, LINE, "DID NOT RAISE"),
]


@pytest.mark.parametrize(
    ("plugin", "promise", "told"),
    BREAKERS,
    ids=[f"{plugin.__name__} breaks {promise.removeprefix('test_')}" for plugin, promise, _ in BREAKERS],
)
def test_a_plugin_that(
    plugin: type[Plugin], promise: str, told: str, tmp_path: Path, virtual_loop: VirtualLoop
) -> None:
    breakers.StartsOnce.was_started = False
    with pytest.raises((AssertionError, pytest.fail.Exception)) as broken:
        keep_to(plugin, promise, tmp_path, virtual_loop)
    assert told in str(broken.value)


@pytest.mark.parametrize("promise", [HOUR, AGAIN, CUT, RESTART, TWICE, LINE])
def test_a_sound_plugin_keeps_them_in_the_same_way(promise: str, tmp_path: Path, virtual_loop: VirtualLoop) -> None:
    keep_to(breakers.Sound, promise, tmp_path, virtual_loop)
