"""What a repeat under the same key means, for each effect class, in one life and over a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol
from action_stage import Stage, perform

from hub.core import context as contexts
from hub.core.actions import (
    KEYS_KEPT_US,
    Call,
    CallEnded,
    CallTimedOut,
    Effect,
    InvalidCall,
    NothingDone,
    UnknownOutcome,
)
from hub.core.context import Context
from hub.core.durable import KeyReused
from hub.core.errors import NotAllowed, NotFound
from hub.core.principals import Principal
from hub.core.storage import Tx
from hub.sim import advance

EACH = pytest.mark.parametrize("name", ["p.tx", "p.level", "p.outbox", "p.unsafe"])
ANSWERING = pytest.mark.parametrize("name", ["p.tx", "p.level", "p.unsafe"])


@EACH
def test_the_same_key_and_data_return_the_first_result_and_do_nothing_more(tmp_path: Path, name: str) -> None:
    async def scene(stage: Stage) -> None:
        first = await stage.actions.call(name, {"n": 1}, key="k")
        await advance(stage.loop, 1)
        assert await stage.actions.call(name, {"n": 1}, key="k") == first
        await stage.again()
        assert await stage.actions.call(name, {"n": 1}, key="k") == first
        await advance(stage.loop, 60)
        assert await stage.effects() == ["1"]
        assert stage.alarms == []

    perform(tmp_path, scene)


@EACH
def test_a_key_with_other_data_is_an_error_and_an_alarm(tmp_path: Path, name: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.actions.call(name, {"n": 1}, key="k")
        with pytest.raises(KeyReused, match=r"the key 'k' was used before with (other data|another payload)"):
            await stage.actions.call(name, {"n": 2}, key="k")
        await advance(stage.loop, 60)
        assert await stage.effects() == ["1"]
        assert [(alarm.action, alarm.idempotency_key) for alarm in stage.alarms] == [(name, "k")]

    perform(tmp_path, scene)


@EACH
def test_calls_without_a_key_and_keys_of_other_actions_are_separate_calls(tmp_path: Path, name: str) -> None:
    async def scene(stage: Stage) -> None:
        for key in (None, None, "k"):
            await stage.actions.call(name, {"n": 1}, key=key)
        await stage.actions.call("p.tx" if name != "p.tx" else "p.level", {"n": 2}, key="k")
        await advance(stage.loop, 60)
        assert sorted(await stage.effects()) == ["1", "1", "1", "2"]

    perform(tmp_path, scene)


@ANSWERING
def test_while_a_call_is_under_way_the_second_caller_waits_for_its_result(tmp_path: Path, name: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.takes_s = 5
        calls = [asyncio.ensure_future(stage.actions.call(name, {"n": 1}, key="k")) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(KeyReused):
            await stage.actions.call(name, {"n": 2}, key="k")
        results = await asyncio.gather(*calls)
        assert results[0] == results[1] == results[2]
        assert await stage.effects() == ["1"]
        assert len(stage.alarms) == 1

    perform(tmp_path, scene)


@ANSWERING
def test_a_caller_that_is_cancelled_takes_nothing_from_the_others_or_from_the_record(
    tmp_path: Path, name: str
) -> None:
    async def scene(stage: Stage) -> None:
        stage.takes_s = 5
        impatient = asyncio.ensure_future(stage.actions.call(name, {"n": 1}, key="k"))
        await asyncio.sleep(0)
        patient = asyncio.ensure_future(stage.actions.call(name, {"n": 1}, key="k"))
        await asyncio.sleep(0)
        impatient.cancel()
        result = await patient
        assert await stage.actions.call(name, {"n": 1}, key="k") == result
        assert await stage.effects() == ["1"]

    perform(tmp_path, scene)


def test_a_tx_action_that_fails_leaves_neither_effect_nor_key(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.error = ValueError("no")
        with pytest.raises(ValueError, match="no"):
            await stage.actions.call("p.tx", {"n": 1}, key="k")
        stage.error = None
        assert await stage.effects() == []
        await stage.actions.call("p.tx", {"n": 2}, key="k")
        assert await stage.effects() == ["2"]

    perform(tmp_path, scene)


def test_a_tx_action_whose_result_cannot_be_recorded_was_not_done(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        def handler(tx: Tx, call: Call) -> object:
            tx.execute("INSERT INTO p__effects (what) VALUES ('x')")
            return object()

        stage.register("p.odd", handler, Effect.TX)
        with pytest.raises(TypeError, match="object cannot be recorded"):
            await stage.actions.call("p.odd", {}, key="k")
        assert await stage.effects() == []

    perform(tmp_path, scene)


def test_a_tx_action_joins_the_transaction_of_its_caller(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        def outer(tx: Tx, call: Call) -> object:
            inner = stage.actions.call_in(tx, "p.tx", {"n": 7}, call)
            if call.data.get("fail"):
                raise ValueError("no")
            return inner["n"]

        stage.register("p.outer", outer, Effect.TX)
        with pytest.raises(ValueError, match="no"):
            await stage.actions.call("p.outer", {"fail": True}, key="bad")
        assert await stage.effects() == []
        assert await stage.actions.call("p.outer", {}, key="k") == 7
        assert await stage.actions.call("p.outer", {}, key="k") == 7
        assert await stage.actions.call("p.tx", {"n": 7}, key="k") == {"n": 7, "seq": 1}, "noted under its own name"
        assert await stage.effects() == ["7"]
        with pytest.raises(InvalidCall, match=r"p.level has effect 'level'; only `tx` actions join a transaction"):
            await stage.db.write(
                lambda tx: stage.actions.call_in(
                    tx, "p.level", {}, Call("p.outer", {}, Principal("x"), contexts.SYSTEM, "k")
                )
            )

    perform(tmp_path, scene)


def test_a_level_action_that_stopped_in_its_middle_is_simply_done_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.takes_s = 5
        call = asyncio.ensure_future(stage.actions.call("p.level", {"n": 1}, key="k"))
        await asyncio.sleep(1)
        await stage.again()
        assert call.cancelled()
        assert (await stage.actions.call("p.level", {"n": 1}, key="k"))["n"] == 1
        assert await stage.effects() == ["1"]

    perform(tmp_path, scene)


@pytest.mark.parametrize(
    ("choice", "result", "times"),
    [
        pytest.param("raise", UnknownOutcome, 0, id="raise"),
        pytest.param("skip", None, 0, id="skip"),
        pytest.param("repeat", {"n": 1, "time": 1}, 1, id="repeat"),
    ],
)
def test_an_unsafe_call_that_stopped_in_its_middle_needs_a_decision(
    tmp_path: Path, choice: Any, result: Any, times: int
) -> None:
    async def scene(stage: Stage) -> None:
        stage.takes_s = 5
        call = asyncio.ensure_future(stage.actions.call("p.unsafe", {"n": 1}, key="k"))
        await asyncio.sleep(1)
        await stage.again()
        assert call.cancelled()
        if result is UnknownOutcome:
            with pytest.raises(UnknownOutcome) as unknown:
                await stage.actions.call("p.unsafe", {"n": 1}, key="k", on_unknown=choice)
            assert str(unknown.value) == (
                "p.unsafe: the call with key 'k' stopped in its middle, so nobody knows whether it took effect; "
                "look at the far side, then call again with on_unknown 'repeat' or 'skip'"
            )
        else:
            assert await stage.actions.call("p.unsafe", {"n": 1}, key="k", on_unknown=choice) == result
        assert await stage.effects() == ["1"] * times

    perform(tmp_path, scene)


@pytest.mark.parametrize(
    ("error", "then"),
    [
        pytest.param(NothingDone("line busy"), "free", id="nothing was done: the key is free"),
        pytest.param(OSError("reply lost"), "unknown", id="it raised later: unknown"),
    ],
)
def test_an_unsafe_call_that_raises_says_whether_anything_was_done(
    tmp_path: Path, error: Exception, then: str
) -> None:
    async def scene(stage: Stage) -> None:
        stage.error = error
        with pytest.raises(type(error)):
            await stage.actions.call("p.unsafe", {"n": 1}, key="k")
        stage.error = None
        if then == "free":
            assert (await stage.actions.call("p.unsafe", {"n": 2}, key="k"))["n"] == 2
        else:
            with pytest.raises(UnknownOutcome):
                await stage.actions.call("p.unsafe", {"n": 1}, key="k")

    perform(tmp_path, scene)


@pytest.mark.parametrize("name", ["p.level", "p.unsafe"])
def test_a_call_under_way_ends_with_the_owner_of_its_action(tmp_path: Path, name: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.takes_s = 50
        call = asyncio.ensure_future(stage.actions.call(name, {"n": 1}, key="k"))
        await advance(stage.loop, 1)
        assert stage.supervisor.running("p") == [f"p/action {name}", "p/outbox action:p.outbox"]
        assert await stage.supervisor.end("p") == []
        with pytest.raises(CallEnded) as ended:
            await call
        assert str(ended.value) == (
            f"{name}: p was stopped in the middle of the call; call again with the same key once it runs"
        )
        await advance(stage.loop, 100)
        assert stage.done == []

    perform(tmp_path, scene)


def test_a_caller_that_is_cancelled_together_with_the_call_is_simply_cancelled(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.takes_s = 50
        caller = asyncio.ensure_future(stage.actions.call("p.level", {"n": 1}, key="k"))
        await advance(stage.loop, 1)
        stage.supervisor.cancel("p")
        await asyncio.sleep(0)
        caller.cancel()  # before it has heard of the end of the call
        await advance(stage.loop, 1)
        assert caller.cancelled()

    perform(tmp_path, scene)


@pytest.mark.parametrize(
    ("name", "key", "then"),
    [
        pytest.param("p.brief_level", None, "it may be called again", id="level without a key"),
        pytest.param("p.brief_level", "k", "it may be called again", id="level with a key"),
        pytest.param(
            "p.brief_unsafe", "k", "nobody knows whether it took effect, look at the far side", id="unsafe"
        ),
    ],
)
def test_a_handler_that_takes_too_long_is_cancelled(tmp_path: Path, name: str, key: str | None, then: str) -> None:
    async def scene(stage: Stage) -> None:
        effect = Effect(name.removeprefix("p.brief_"))
        stage.register(name, stage._apart, effect, limit_s=2.5)
        stage.takes_s = 3
        began_s = stage.clock.monotonic()
        with pytest.raises(CallTimedOut) as late:
            await stage.actions.call(name, {"n": 1}, key=key)
        assert str(late.value) == f"{name}: p did not finish the call within 2.5 s; {then}"
        assert stage.clock.monotonic() - began_s == pytest.approx(2.5, abs=0.1)
        assert stage.done == []
        stage.takes_s = 2
        if effect is Effect.UNSAFE:
            with pytest.raises(UnknownOutcome):
                await stage.actions.call(name, {"n": 1}, key=key)
        else:
            assert (await stage.actions.call(name, {"n": 1}, key=key))["n"] == 1

    perform(tmp_path, scene)


def test_a_timeout_of_the_handlers_own_is_its_own(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.error = TimeoutError("the line is silent")
        with pytest.raises(TimeoutError, match="the line is silent"):
            await stage.actions.call("p.level", {"n": 1})

    perform(tmp_path, scene)


def test_an_outbox_action_is_answered_when_it_is_queued_and_delivered_later(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.takes_s = 5
        assert await stage.actions.call("p.outbox", {"n": 1}, key="k") == {"queued": "k"}
        assert stage.done == []
        await advance(stage.loop, 1)
        await stage.again()
        await advance(stage.loop, 60)
        assert stage.done == ["1"]
        assert await stage.outbox.result("action:p.outbox", "k") == ("done", {"n": 1, "time": 1})

    perform(tmp_path, scene)


def test_a_caller_without_the_permission_does_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.register("p.secret", stage._apart, Effect.LEVEL, permission="money.move")
        with pytest.raises(NotAllowed, match=r"user:9 lacks the permission 'money.move'; ask an owner to grant it"):
            await stage.actions.call("p.secret", {"n": 1}, principal=Principal("user:9", frozenset({"p.*"})))
        await stage.actions.call("p.secret", {"n": 1}, principal=Principal("user:8", frozenset({"money.*"})))
        assert stage.done == ["1"]

    perform(tmp_path, scene)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param({}, "p.checked: meter: required key not provided", id="a missing field"),
        pytest.param({"meter": 3}, "p.checked: meter: expected str", id="a wrong type"),
        pytest.param(
            {"meter": "m", "metre": 1}, "p.checked: unknown field 'metre'. Did you mean 'meter'?", id="a wrong name"
        ),
    ],
)
def test_data_that_does_not_fit_is_explained(tmp_path: Path, data: dict[str, Any], message: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.register("p.checked", stage._apart, Effect.LEVEL, schema={vol.Required("meter"): str})
        with pytest.raises(InvalidCall) as refusal:
            await stage.actions.call("p.checked", data)
        assert str(refusal.value) == message

    perform(tmp_path, scene)


def test_an_unknown_action_is_refused_with_a_close_name(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(NotFound, match=r"there is no action 'p.levl'. Did you mean 'p.level'\?"):
            await stage.actions.call("p.levl")

    perform(tmp_path, scene)


def test_a_name_is_offered_once_with_a_handler_of_the_right_kind_until_it_is_withdrawn(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(ValueError, match=r"p cannot offer 'p.tx': p offers it already"):
            stage.register("p.tx", stage._in_tx, Effect.TX)
        with pytest.raises(ValueError, match=r"its handler must be a plain function fn\(tx, call\)"):
            stage.register("p.x", stage._apart, Effect.TX)
        with pytest.raises(ValueError, match=r"its handler must be a coroutine function fn\(call\)"):
            stage.register("p.x", stage._in_tx, Effect.UNSAFE)
        withdraw = stage.register("p.x", stage._apart, Effect.OUTBOX)
        withdraw()
        stage.register("p.x", stage._apart, Effect.OUTBOX)
        withdraw()
        assert stage.actions.get("p.x").effect is Effect.OUTBOX

    perform(tmp_path, scene)


@EACH
def test_a_handler_knows_who_called_and_why(tmp_path: Path, name: str) -> None:
    found: list[tuple[str, str | None, str | None]] = []

    async def scene(stage: Stage) -> None:
        effect = stage.actions.get(name).effect

        def in_tx(tx: Tx, call: Call) -> None:
            tx.on_commit(lambda: found.append((call.principal.actor, call.key, contexts.current().actor)))

        async def apart(call: Call) -> None:
            found.append((call.principal.actor, call.key, contexts.current().actor))

        stage.register("p.who", in_tx if effect is Effect.TX else apart, effect)
        with contexts.use(Context("c-1", "rule:night")):
            await stage.actions.call("p.who", {}, principal=Principal("user:3", frozenset("*")), key="k")
        await advance(stage.loop, 1)

    perform(tmp_path, scene)
    assert found == [("user:3", "k", "rule:night")]


def test_old_keys_are_forgotten(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.actions.call("p.level", {"n": 1}, key="k")
        await advance(stage.loop, KEYS_KEPT_US / 1e6 - 10)
        assert await stage.actions.purge() == 0
        await advance(stage.loop, 20)
        assert await stage.actions.purge() == 1
        await stage.actions.call("p.level", {"n": 2}, key="k")

    perform(tmp_path, scene)
