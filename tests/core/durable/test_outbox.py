"""A message leaves after its transaction, at least once, and its end is recorded once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from durable_stage import SECOND, Failing, Stage, perform

from hub.core.durable import KeyReused, OutboxItem, Undeliverable
from hub.core.durable.outbox import KEEP_DELIVERED_US
from hub.core.storage import StorageFull, Tx
from hub.core.supervisor import Backoff

PLAIN = Backoff(first_s=1.0, factor=2.0, cap_s=8.0, jitter=0.0)


class Far:
    """The far side: notes what arrives, and can be slow, refuse or fail."""

    def __init__(self, stage: Stage) -> None:
        """Take everything."""
        self._stage = stage
        self.arrived: list[tuple[float, str, int]] = []
        self.fails: dict[str, list[BaseException]] = {}
        self.takes_s = 0.0
        self.under_way = 0
        self.under_way_max = 0
        self.answer: Any = None

    async def deliver(self, item: OutboxItem) -> object:
        """One delivery."""
        self.under_way += 1
        self.under_way_max = max(self.under_way_max, self.under_way)
        try:
            if self.takes_s:
                await self._stage.clock.sleep(self.takes_s)
            self.arrived.append((self._stage.clock.monotonic(), item.key, item.attempt))
            if self.fails.get(item.key):
                raise self.fails[item.key].pop(0)
            return self.answer if self.answer is not None else {"for": item.key}
        finally:
            self.under_way -= 1

    @property
    def keys(self) -> list[str]:
        """The keys that arrived, in order."""
        return [key for _, key, _ in self.arrived]


def test_messages_are_delivered_in_order_once_and_their_results_kept(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        stage.outbox.consume("out", far.deliver, owner="p")
        for n in range(5):
            assert await stage.put(f"k{n}")
        assert not await stage.put("k3"), "the same message put again"
        await stage.advance(7200)
        assert far.keys == ["k0", "k1", "k2", "k3", "k4"]
        assert await stage.outbox.result("out", "k3") == ("done", {"for": "k3"})
        assert await stage.outbox.result("out", "k9") == ("unknown", None)
        assert await stage.outbox.counts() == {"out": {"done": 5}}

    perform(tmp_path, scene)


def test_a_message_of_a_failed_transaction_never_leaves(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        stage.outbox.consume("out", far.deliver, owner="p")

        def fn(tx: Tx) -> None:
            stage.outbox.put(tx, "out", "k", {}, owner="p")
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await stage.db.write(fn)
        await stage.advance(60)
        assert far.keys == []

    perform(tmp_path, scene)


def test_a_key_with_another_payload_is_refused(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.put("k", amount=1)
        with pytest.raises(
            KeyReused, match="outbox 'out': the key 'k' was used before with another payload; make a"
        ):
            await stage.put("k", amount=2)
        assert await stage.put("k", topic="elsewhere", amount=2)

    perform(tmp_path, scene)


def test_a_message_waits_for_a_consumer_and_for_the_next_start(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.put("before")
        await stage.again(3600)
        await stage.put("after")
        await stage.advance(60)
        far = Far(stage)
        stage.outbox.consume("out", far.deliver, owner="p")
        await stage.advance(1)
        assert far.keys == ["before", "after"]

    perform(tmp_path, scene)


def test_what_was_not_delivered_is_tried_again_after_growing_pauses_while_others_go_on(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        far.fails["bad"] = [OSError("line down")] * 5
        stage.outbox.consume("out", far.deliver, owner="p", backoff=PLAIN)
        await stage.put("bad")
        await stage.put("good")
        await stage.advance(0.5)
        assert await stage.outbox.result("out", "bad") == ("pending", "OSError: line down")
        await stage.advance(60)
        assert [at for at, key, _ in far.arrived if key == "bad"] == [0, 1, 3, 7, 15, 23]
        assert [attempt for _, key, attempt in far.arrived if key == "bad"] == [1, 2, 3, 4, 5, 6]
        assert [at for at, key, _ in far.arrived if key == "good"] == [0]
        assert await stage.outbox.result("out", "bad") == ("done", {"for": "bad"})

    perform(tmp_path, scene)


def test_an_answer_that_never_comes_is_given_up_and_named(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        far.takes_s = 1000
        stage.outbox.consume("out", far.deliver, owner="p", backoff=PLAIN, limit_s=5)
        await stage.put("k")
        await stage.advance(5.5)
        assert await stage.outbox.result("out", "k") == ("pending", "no answer within 5 s")
        far.takes_s = 1
        await stage.advance(10)
        assert await stage.outbox.result("out", "k") == ("done", {"for": "k"})

    perform(tmp_path, scene)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        pytest.param(Undeliverable("no such number"), ("failed", "no such number"), id="undeliverable"),
        pytest.param(TimeoutError("its own"), ("done", {"for": "k"}), id="a time-out of the consumer's own"),
        pytest.param(asyncio.CancelledError(), ("done", {"for": "k"}), id="a cancel of something inside it"),
    ],
)
def test_whatever_a_consumer_raises_ends_in_a_record(
    tmp_path: Path, error: BaseException, state: tuple[str, Any]
) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        far.fails["k"] = [error]
        stage.outbox.consume("out", far.deliver, owner="p", backoff=PLAIN)
        await stage.put("k")
        await stage.put("next")
        await stage.advance(30)
        assert await stage.outbox.result("out", "k") == state
        assert await stage.outbox.result("out", "next") == ("done", {"for": "next"})

    perform(tmp_path, scene)


def test_a_result_that_cannot_be_recorded_is_not_delivered_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        far.answer = object()
        stage.outbox.consume("out", far.deliver, owner="p")
        await stage.put("k")
        await stage.put("next")
        await stage.advance(3600)
        assert far.keys == ["k", "next"]
        assert await stage.outbox.result("out", "k") == ("done", None)

    perform(tmp_path, scene)
    assert "outbox out: k was delivered, its result cannot be kept: object cannot be recorded" in caplog.text


def test_a_message_that_expired_is_not_delivered(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        await stage.put("k", expires_us=stage.clock.now_us() + 10 * SECOND)
        await stage.put("later", expires_us=stage.clock.now_us() + 100 * SECOND)
        await stage.advance(10)
        stage.outbox.consume("out", far.deliver, owner="p")
        await stage.advance(1)
        assert far.keys == ["later"]
        assert await stage.outbox.result("out", "k") == ("expired", "expired before it could be delivered")

    perform(tmp_path, scene)


@pytest.mark.parametrize("parallel", [1, 3])
def test_no_more_are_under_way_at_once_than_allowed(tmp_path: Path, parallel: int) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        far.takes_s = 1
        stage.outbox.consume("out", far.deliver, owner="p", parallel=parallel)
        for n in range(9):
            await stage.put(f"k{n}")
        await stage.advance(60)
        assert sorted(far.keys) == [f"k{n}" for n in range(9)]
        assert far.under_way_max == parallel

    perform(tmp_path, scene)


def test_one_topics_slow_consumer_delays_no_other_topic(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        slow, fast = Far(stage), Far(stage)
        slow.takes_s = 50
        stage.outbox.consume("slow", slow.deliver, owner="p")
        stage.outbox.consume("fast", fast.deliver, owner="p")
        for n in range(3):
            await stage.put(f"k{n}", topic="slow")
            await stage.put(f"k{n}", topic="fast")
        await stage.advance(1)
        assert fast.keys == ["k0", "k1", "k2"]
        assert slow.keys == []

    perform(tmp_path, scene)


def test_a_consumer_that_goes_in_mid_delivery_leaves_the_message_to_the_next(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        old, new = Far(stage), Far(stage)
        old.takes_s = 10
        withdraw = stage.outbox.consume("out", old.deliver, owner="p")
        with pytest.raises(ValueError, match="outbox 'out' is consumed by p already"):
            stage.outbox.consume("out", new.deliver, owner="q")
        await stage.put("k")
        await stage.advance(1)
        assert old.under_way == 1
        withdraw()
        withdraw()
        stage.outbox.consume("out", new.deliver, owner="p")
        await stage.advance(60)
        assert (old.keys, new.keys) == ([], ["k"])
        assert await stage.outbox.result("out", "k") == ("done", {"for": "k"})

    perform(tmp_path, scene)


def test_a_delivery_is_recorded_once_the_store_works_again_and_not_repeated_meanwhile(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        far.takes_s = 2
        stage.outbox.consume("out", far.deliver, owner="p")
        await stage.put("k")
        await stage.advance(1)
        with Failing(stage, StorageFull("full")):
            await stage.advance(600)
        assert await stage.outbox.result("out", "k") == ("pending", None)
        await stage.advance(120)
        assert await stage.outbox.result("out", "k") == ("done", {"for": "k"})
        assert far.keys == ["k"]

    perform(tmp_path, scene)


@pytest.mark.parametrize("step_s", [-86_400, -1, 86_400])
def test_a_step_of_the_wall_clock_holds_no_message_back(tmp_path: Path, step_s: float) -> None:
    async def scene(stage: Stage) -> None:
        await stage.put("before")
        stage.clock.step(step_s)
        stage.outbox.rearm()
        far = Far(stage)
        far.fails["after"] = [OSError("no")]
        stage.outbox.consume("out", far.deliver, owner="p", backoff=PLAIN)
        await stage.put("after")
        await stage.advance(10)
        assert far.keys == ["before", "after", "after"] or sorted(far.keys) == ["after", "after", "before"]

    perform(tmp_path, scene)


def test_a_step_back_between_two_tries_delays_the_next_by_no_more_than_a_pause(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        far.fails["k"] = [OSError("no")]
        stage.outbox.consume("out", far.deliver, owner="p", backoff=PLAIN)
        await stage.put("k")
        await stage.advance(0.5)
        stage.clock.step(-86_400)
        stage.outbox.rearm()
        await stage.advance(PLAIN.cap_s)
        assert await stage.outbox.result("out", "k") == ("done", {"for": "k"})

    perform(tmp_path, scene)


def test_a_message_put_while_the_consumer_looks_is_not_overlooked(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        stage.outbox.consume("out", far.deliver, owner="p")
        for n in range(50):
            putting = asyncio.ensure_future(stage.put(f"k{n:02}"))
            for _ in range(n % 7):
                await asyncio.sleep(0)
            await putting
        await stage.advance(0.1)
        assert far.keys == [f"k{n:02}" for n in range(50)]

    perform(tmp_path, scene)


def test_old_messages_are_forgotten_and_pending_ones_never(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        far = Far(stage)
        stage.outbox.consume("out", far.deliver, owner="p")
        await stage.put("old")
        await stage.put("waits", topic="unconsumed")
        await stage.advance(KEEP_DELIVERED_US / SECOND - 10)
        assert await stage.outbox.purge(stage.clock.now_us()) == 0
        await stage.put("new")
        await stage.advance(20)
        assert await stage.outbox.purge(stage.clock.now_us()) == 1
        assert await stage.outbox.counts() == {"out": {"done": 1}, "unconsumed": {"pending": 1}}

    perform(tmp_path, scene)


def test_one_slow_delivery_holds_up_no_other_of_its_topic(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        done: list[str] = []

        async def deliver(item: OutboxItem) -> None:
            await asyncio.sleep(50 if item.key == "slow" else 1)
            done.append(item.key)

        stage.outbox.consume("out", deliver, owner="p", parallel=2)
        await stage.put("slow")
        for n in range(5):
            await stage.put(f"k{n}")
        await stage.advance(6)
        assert done == [f"k{n}" for n in range(5)]
        await stage.put("late")
        await stage.advance(2)
        assert done[5:] == ["late"], "a message that comes in mid-delivery takes the free slot"
        await stage.advance(60)
        assert done[6:] == ["slow"]
        assert await stage.outbox.counts() == {"out": {"done": 7}}

    perform(tmp_path, scene)
