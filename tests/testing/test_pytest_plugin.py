"""Other people's tests, run by pytest itself: the fixtures, what is left to others, and a test that hangs."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

AUTHOR = """
import asyncio
import pytest
from hub.core.bus import Event
from hub.core.plugins import Manifest, Plugin, PluginState

class Rang(Event): ...

class Sample(Plugin):
    manifest = Manifest(name="sample", version="1", description="A sample.")
    async def setup(self, hub):
        hub.bus.subscribe(Rang, lambda event: hub.states.set("sensor.rang", True))

async def test_fixtures(load_plugin, fire, advance, capture_events, capture_states, capture_calls, hub):
    rings, states = capture_events(Rang), capture_states("sensor.rang")
    calls = capture_calls("lamp.switch")
    assert (await load_plugin(Sample)).state is PluginState.RUNNING
    fire(Rang())
    await advance("30 days")
    await hub.call("lamp.switch", {"on": True})
    assert (len(rings), len(states), calls) == (1, 1, [{"on": True}])

def test_a_plain_test_may_use_the_hub(hub):
    assert hub.hub.phase.value == "running"
"""


def test_an_author_gets_a_hub_and_words_to_drive_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(AUTHOR)
    pytester.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_an_asynchronous_test_without_our_fixtures_is_left_to_others(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import inspect, pytest

        @pytest.hookimpl
        def pytest_pyfunc_call(pyfuncitem):
            if inspect.iscoroutinefunction(pyfuncitem.obj):
                pyfuncitem.user_properties.append(("ran by", "another plugin"))
                return True
        """
    )
    pytester.makepyfile(
        """
        async def test_theirs():
            assert False, "nobody of ours runs it"

        async def test_ours(hub):
            await hub.advance("1 day")
        """
    )
    pytester.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=2)


SOURCE = """
import asyncio

async def forever():
    await asyncio.Event().wait()

async def test_hangs(hub):
    {wait}
"""

HANGS = {
    "an event that nobody sets": ("await asyncio.Event().wait()", "wait (asyncio/locks.py:"),
    "a task that waits for it": (
        "await asyncio.ensure_future(forever())",
        "test_hangs (test_hangs.py:7) > forever (test_hangs.py:4) > Event.wait (asyncio/locks.py:",
    ),
    "several tasks": ("await asyncio.gather(forever(), forever())", "forever (test_hangs.py:4)"),
}


@pytest.mark.parametrize(("wait", "told"), HANGS.values(), ids=HANGS.keys())
def test_a_test_with_a_hub_that_hangs_says_what_it_waits_for(
    pytester: pytest.Pytester, wait: str, told: str
) -> None:
    pytester.makepyfile(test_hangs=SOURCE.format(wait=wait))
    result = pytester.runpytest("-p", "no:cacheprovider", "--tb=short")
    result.assert_outcomes(failed=1)
    shown = result.stdout.str().replace(f"{pytester.path.name}/", "")
    assert "TestHangs: the test has waited for more than a virtual day at test_hangs (test_hangs.py:7)" in shown
    assert told in shown
    assert "let time pass by `await hub.advance(...)`" in shown


def test_a_test_without_a_hub_that_hangs_is_a_deadlock_at_once(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio

        async def test_hangs(virtual_loop):
            await asyncio.Event().wait()
        """
    )
    result = pytester.runpytest("-p", "no:cacheprovider", "--tb=short")
    result.assert_outcomes(failed=1)
    assert "Deadlock: deadlock at virtual 0 s" in result.stdout.str()


def test_waiting_long_is_no_hanging_while_time_is_what_is_waited_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio

        async def test_sleeps(hub):
            await hub.kernel.clock.sleep(30 * 86_400)
            await asyncio.gather(asyncio.sleep(5 * 86_400), asyncio.sleep(1))
            await asyncio.ensure_future(hub.advance("5 days"))
            async with asyncio.timeout(3600):
                await asyncio.sleep(10)
        """
    )
    pytester.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_failing_test_fails_with_its_own_error_and_the_hub_is_stopped(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        folders = []

        async def test_fails(hub):
            folders.append(hub.hub)
            raise LookupError("my own")

        def test_the_hub_before_was_stopped():
            assert folders[0].phase.value == "stopped"
        """
    )
    result = pytester.runpytest("-p", "no:cacheprovider", "--tb=line")
    result.assert_outcomes(failed=1, passed=1)
    assert "LookupError: my own" in result.stdout.str()
