"""The bus: one order for all, faults that stay with their listener, chains that end, queues that stay bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import pytest

from hub.core import bus as bus_module
from hub.core import context as contexts
from hub.core.bus import DEPTH_MAX, Bus, Event, Listener
from hub.core.context import Context
from hub.core.ids import SeededIds
from hub.core.supervisor import Supervisor
from hub.sim import VirtualClock, VirtualLoop, advance, run_virtual


@dataclass(frozen=True, slots=True, kw_only=True)
class Rang(Event):
    """Something rang."""

    name: str

    @property
    def key(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoed(Event):
    """Something answered."""

    name: str = "echo"


class Counted(Event):
    """An event that counts how often it is built."""

    built: ClassVar[int] = 0

    def __init__(self) -> None:
        object.__setattr__(self, "context", contexts.SYSTEM)
        Counted.built += 1


class Spawned:
    """Takes coroutines as the supervisor would, and keeps them for the test to run."""

    def __init__(self) -> None:
        self.works: list[tuple[str, str, Coroutine[Any, Any, object]]] = []

    def __call__(self, owner: str, name: str, work: Coroutine[Any, Any, object]) -> None:
        self.works.append((owner, name, work))


@pytest.fixture
def bus() -> Bus:
    return Bus(Spawned())


def test_an_event_reaches_the_listeners_of_its_key_first_and_then_those_of_its_type(bus: Bus) -> None:
    heard: list[str] = []
    bus.subscribe(Rang, lambda _: heard.append("everyone"), owner="a")
    bus.subscribe(Rang, lambda _: heard.append("key"), key="door", owner="a")
    bus.subscribe(Rang, lambda _: heard.append("other key"), key="gate", owner="a")
    bus.subscribe(Echoed, lambda _: heard.append("other type"), owner="a")

    bus.publish(Rang(name="door"))

    assert heard == ["key", "everyone"]


def test_only_the_exact_type_is_told(bus: Bus) -> None:
    heard: list[Event] = []
    bus.subscribe(Event, heard.append, owner="a")
    bus.publish(Rang(name="door"))
    assert heard == []


def test_an_event_published_while_one_is_told_comes_after_all_have_heard_the_first(bus: Bus) -> None:
    heard: list[str] = []

    def answer(event: Rang) -> None:
        heard.append(f"first hears {event.name}")
        if event.name == "door":
            bus.publish(Rang(name="gate"))
            bus.publish(Echoed())
            heard.append("first has published")

    bus.subscribe(Rang, answer, owner="a")
    bus.subscribe(Rang, lambda event: heard.append(f"second hears {event.name}"), owner="b")
    bus.subscribe(Echoed, lambda _: heard.append("echo"), owner="b")

    bus.publish(Rang(name="door"))

    assert heard == [
        "first hears door",
        "first has published",
        "second hears door",
        "first hears gate",
        "second hears gate",
        "echo",
    ]


def test_events_caused_at_different_depths_keep_the_order_in_which_they_were_published(bus: Bus) -> None:
    causes = {"a": ["b", "c"], "b": ["d"], "c": ["e"], "d": [], "e": []}
    heard: list[str] = []

    def tell(event: Rang) -> None:
        heard.append(event.name)
        for name in causes[event.name]:
            bus.publish(Rang(name=name))

    bus.subscribe(Rang, tell, owner="a")
    bus.publish(Rang(name="a"))
    assert heard == ["a", "b", "c", "d", "e"]


def test_a_listener_that_reacts_to_its_own_event_is_cut_at_the_depth_limit_and_named(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[tuple[str, str]] = []
    bus.on_failure = lambda listener, error: failures.append((listener.owner, str(error)))
    heard: list[Rang] = []

    def react_to_myself(event: Rang) -> None:
        heard.append(event)
        bus.publish(Rang(name="again"))

    bus.subscribe(Rang, react_to_myself, owner="looper")
    bus.publish(Rang(name="once"))

    assert len(heard) == DEPTH_MAX + 1
    assert bus.cut_chains == 1
    assert failures == [("looper", "runaway event chain, cut 100 events deep")]
    assert "looper:" in caplog.text
    assert "react_to_myself published Rang 100 events deep" in caplog.text


def test_a_chain_that_doubles_is_cut_by_its_number_long_before_its_depth(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bus_module, "CHAIN_MAX", 1000)
    heard = 0

    def double(_: Rang) -> None:
        nonlocal heard
        heard += 1
        bus.publish(Rang(name="left"))
        bus.publish(Rang(name="right"))

    bus.subscribe(Rang, double, owner="doubler")
    bus.publish(Rang(name="once"))

    assert heard == 1001
    assert bus.cut_chains == 1
    assert bus.cut_events == 1002
    assert len(caplog.records) == 1, "one line a chain, not one an event"
    assert "after 1000 events" in caplog.text


def test_after_a_cut_the_bus_tells_the_next_event_as_ever(bus: Bus) -> None:
    unsubscribe = bus.subscribe(Rang, lambda event: bus.publish(event), owner="looper")
    bus.publish(Rang(name="once"))
    unsubscribe()
    heard: list[Rang] = []
    bus.subscribe(Rang, heard.append, owner="a")
    bus.publish(Rang(name="door"))
    assert [event.name for event in heard] == ["door"]
    assert bus.running is None


def test_a_failure_report_that_publishes_does_not_feed_the_chain_it_reports(bus: Bus) -> None:
    bus.on_failure = lambda listener, error: bus.publish(Echoed())

    def fail(_: Echoed) -> None:
        raise ValueError("again")

    bus.subscribe(Echoed, fail, owner="broken")
    bus.publish(Echoed())
    assert bus.cut_chains == 1


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("no"), id="an error"),
        pytest.param(asyncio.CancelledError(), id="a cancelled future"),
        pytest.param(SystemExit(3), id="sys.exit"),
    ],
)
def test_a_listener_that_raises_stops_nobody_and_is_counted_and_named(
    bus: Bus, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    failures: list[tuple[Listener, BaseException]] = []
    bus.on_failure = lambda listener, error: failures.append((listener, error))
    heard: list[Rang] = []

    def fail(_: Rang) -> None:
        raise error

    bus.subscribe(Rang, fail, owner="broken")
    bus.subscribe(Rang, heard.append, owner="well")
    bus.publish(Rang(name="door"))
    bus.publish(Rang(name="gate"))

    assert [event.name for event in heard] == ["door", "gate"]
    assert [(listener.owner, listener.failures, told) for listener, told in failures] == [
        ("broken", 2, error),
        ("broken", 2, error),
    ]
    assert "broken:" in caplog.text
    assert "failed on Rang" in caplog.text


def test_an_interrupt_in_a_listener_ends_the_telling_and_leaves_no_event_for_later(bus: Bus) -> None:
    heard: list[str] = []

    def interrupted(event: Rang) -> None:
        if event.name == "door":
            bus.publish(Rang(name="left over"))
            raise KeyboardInterrupt

    bus.subscribe(Rang, interrupted, owner="a")
    bus.subscribe(Rang, lambda event: heard.append(event.name), owner="b")
    with pytest.raises(KeyboardInterrupt):
        bus.publish(Rang(name="door"))
    bus.publish(Rang(name="gate"))
    assert heard == ["gate"]


def test_a_failing_failure_report_stops_nobody_either(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(listener: Listener, error: BaseException) -> None:
        raise RuntimeError("cannot report")

    def fail(_: Rang) -> None:
        raise ValueError("no")

    heard: list[Rang] = []
    bus.on_failure = refuse
    bus.subscribe(Rang, fail, owner="broken")
    bus.subscribe(Rang, heard.append, owner="well")
    bus.publish(Rang(name="door"))
    assert len(heard) == 1
    assert "cannot report" in caplog.text


def test_who_unsubscribes_another_during_delivery_spares_it_this_very_event(bus: Bus) -> None:
    heard: list[str] = []
    bus.subscribe(Rang, lambda _: unsubscribe(), owner="a")
    unsubscribe = bus.subscribe(Rang, lambda _: heard.append("gone"), owner="b")
    bus.subscribe(Rang, lambda _: heard.append("stays"), owner="c")

    bus.publish(Rang(name="door"))
    bus.publish(Rang(name="door"))

    assert heard == ["stays", "stays"]


def test_who_unsubscribes_itself_during_delivery_disturbs_nobody(bus: Bus) -> None:
    heard: list[str] = []

    def once(_: Rang) -> None:
        heard.append("once")
        unsubscribe()

    unsubscribe = bus.subscribe(Rang, once, key="door", owner="a")
    bus.subscribe(Rang, lambda _: heard.append("always"), key="door", owner="b")
    bus.publish(Rang(name="door"))
    bus.publish(Rang(name="door"))
    assert heard == ["once", "always", "always"]


def test_who_unsubscribes_is_not_told_events_on_their_way(bus: Bus) -> None:
    heard: list[str] = []

    def answer(event: Rang) -> None:
        if event.name == "door":
            bus.publish(Rang(name="gate"))
            unsubscribe()

    bus.subscribe(Rang, answer, owner="a")
    unsubscribe = bus.subscribe(Rang, lambda event: heard.append(event.name), key="gate", owner="b")
    bus.publish(Rang(name="door"))
    assert heard == []


def test_who_subscribes_during_delivery_hears_the_next_event(bus: Bus) -> None:
    heard: list[str] = []

    def subscribe_more(_: Rang) -> None:
        bus.subscribe(Rang, lambda event: heard.append(event.name), owner="late")

    unsubscribe = bus.subscribe(Rang, subscribe_more, owner="a")
    bus.publish(Rang(name="first"))
    unsubscribe()
    bus.publish(Rang(name="second"))
    assert heard == ["second"]


def test_unsubscribing_twice_is_harmless_and_leaves_nothing_behind(bus: Bus) -> None:
    unsubscribes = [bus.subscribe(Rang, print, key="door", owner="a"), bus.subscribe(Rang, print, owner="a")]
    for unsubscribe in unsubscribes * 2:
        unsubscribe()
    channel = bus.channel(Rang)
    assert channel.by_key == {}
    assert channel.everyone == ()
    assert not channel.wants("door")


def test_no_event_is_built_while_nobody_listens(bus: Bus) -> None:
    channel = bus.channel(Counted)

    def publish_if_wanted() -> None:
        if channel.wants("door"):
            channel.publish(Counted(), "door")

    Counted.built = 0
    bus.subscribe(Counted, print, key="gate", owner="a")
    publish_if_wanted()
    assert Counted.built == 0
    bus.subscribe(Counted, lambda _: None, key="door", owner="a")
    publish_if_wanted()
    assert Counted.built == 1


def test_listeners_run_under_the_context_of_the_event(bus: Bus) -> None:
    cause = Context("c1", "os:anna")
    seen: list[tuple[str, Context]] = []

    def answer(event: Rang) -> None:
        seen.append((event.name, contexts.current()))
        bus.publish(Echoed(context=contexts.current().child("c2", "plugin:a")))

    bus.subscribe(Rang, answer, owner="a")
    bus.subscribe(Echoed, lambda event: seen.append((event.name, contexts.current())), owner="a")
    bus.publish(Rang(name="door", context=cause))

    assert seen == [("door", cause), ("echo", Context("c2", "plugin:a", "c1"))]
    assert contexts.current() is contexts.SYSTEM


async def _answer(heard: list[str], event: Rang) -> None:
    await asyncio.sleep(1)
    heard.append(f"{event.name} by {contexts.current().actor}")


class AsyncCallable:
    """An object whose call is a coroutine function."""

    def __init__(self, heard: list[str]) -> None:
        self.heard = heard

    async def __call__(self, event: Rang) -> None:
        await _answer(self.heard, event)


COROUTINE_LISTENERS: dict[str, Callable[[list[str]], Callable[[Rang], object]]] = {
    "a partial of a coroutine function": lambda heard: partial(_answer, heard),
    "an object with an async call": AsyncCallable,
    "a plain function that gives a coroutine": lambda heard: lambda event: _answer(heard, event),
}


@pytest.mark.parametrize("make", COROUTINE_LISTENERS.values(), ids=COROUTINE_LISTENERS.keys())
def test_a_coroutine_listener_runs_as_its_owners_task_under_the_events_context(
    make: Callable[[list[str]], Callable[[Rang], object]],
) -> None:
    heard: list[str] = []
    owners: list[str] = []
    tasks: list[asyncio.Task[object]] = []

    def spawn(owner: str, name: str, work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        owners.append(owner)
        tasks.append(asyncio.get_running_loop().create_task(work))
        return tasks[-1]

    async def main(loop: VirtualLoop) -> None:
        bus = Bus(spawn)
        bus.subscribe(Rang, make(heard), owner="slow")
        bus.publish(Rang(name="door", context=Context("c1", "os:anna")))
        assert heard == []
        await asyncio.gather(*tasks)

    run_virtual(main)
    assert owners == ["slow"]
    assert heard == ["door by os:anna"]


def test_a_coroutine_that_cannot_be_spawned_is_closed_and_counts_as_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(owner: str, name: str, work: Coroutine[Any, Any, object]) -> None:
        raise RuntimeError("no loop runs")

    bus = Bus(refuse)
    failures: list[str] = []
    bus.on_failure = lambda listener, error: failures.append(str(error))
    bus.subscribe(Rang, partial(_answer, []), owner="slow")
    bus.publish(Rang(name="door"))  # an unawaited coroutine would fail the test as a warning
    assert failures == ["no loop runs"]


def test_a_slow_coroutine_listener_loses_what_is_too_much_and_is_told_once_a_burst(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bus_module, "TASKS_MAX", 4)
    heard: list[str] = []
    failures: list[tuple[str, str]] = []

    async def slow(event: Rang) -> None:
        await asyncio.sleep(10)
        heard.append(event.name)

    async def main(loop: VirtualLoop) -> None:
        bus = Bus(Supervisor(VirtualClock(loop), SeededIds(1)).spawn)
        bus.on_failure = lambda listener, error: failures.append((listener.owner, str(error)))
        bus.subscribe(Rang, slow, owner="slow")
        others: list[Rang] = []
        bus.subscribe(Rang, others.append, owner="quick")
        [listener] = bus.listeners_of("slow")
        for burst in ("a", "b"):
            for number in range(7):
                bus.publish(Rang(name=f"{burst}{number}"))
            assert listener.tasks == 4
            await advance(loop, 11)
        assert listener.tasks == 0
        assert listener.dropped == 6
        assert len(others) == 14

    run_virtual(main)
    assert sorted(heard) == ["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"]
    assert len(failures) == len(caplog.records) == 2
    owner, told = failures[0]
    assert owner == "slow"
    assert told.startswith("4 tasks of slow:")
    assert told.endswith(
        "run at once, so further Rang events are dropped for it; a slow reader takes its events from `bus.queue`"
    )


def test_a_coroutine_listener_that_keeps_up_is_told_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when its tasks are cancelled before their first step."""
    monkeypatch.setattr(bus_module, "TASKS_MAX", 4)

    async def main(loop: VirtualLoop) -> None:
        supervisor = Supervisor(VirtualClock(loop), SeededIds(1))
        bus = Bus(supervisor.spawn)
        bus.subscribe(Rang, partial(_answer, []), owner="slow")
        [listener] = bus.listeners_of("slow")
        for _ in range(3):
            for _ in range(4):
                bus.publish(Rang(name="door"))
            await supervisor.end("slow")
            await asyncio.sleep(0)
        assert (listener.tasks, listener.dropped) == (0, 0)

    run_virtual(main)


def test_a_full_queue_drops_its_oldest_events_and_counts_them(bus: Bus) -> None:
    queue = bus.queue(Rang, size_max=2, owner="slow")
    for name in ("a", "b", "c", "d"):
        bus.publish(Rang(name=name))
    assert [event.name for event in queue.take()] == ["c", "d"]
    assert queue.dropped == 2
    assert queue.take() == []


def test_a_queue_that_was_unsubscribed_gets_nothing_more(bus: Bus) -> None:
    queue = bus.queue(Rang, key="door", owner="slow")
    bus.publish(Rang(name="door"))
    queue.unsubscribe()
    bus.publish(Rang(name="door"))
    assert len(queue.take()) == 1


def test_several_readers_share_a_queue_and_none_is_forgotten(bus: Bus) -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        queue = bus.queue(Rang, owner="slow")
        readers = [asyncio.create_task(queue.get()) for _ in range(3)]
        await asyncio.sleep(1)
        readers[1].cancel()
        await asyncio.sleep(1)
        bus.publish(Rang(name="a"))
        await asyncio.sleep(1)
        bus.publish(Rang(name="b"))
        left = await asyncio.wait_for(asyncio.gather(readers[0], readers[2]), 10)
        return [event.name for event in left]

    assert sorted(run_virtual(main)) == ["a", "b"]
