"""The control socket against good and bad clients, on a real loop and a real socket."""

import asyncio
import getpass
import json
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.core.actions import Call, Effect
from hub.core.clock import SystemClock
from hub.core.control import Client, HungUp, NoHub, RemoteError
from hub.core.control import server as server_module
from hub.core.hub import Hub
from hub.core.ids import SystemIds
from hub.core.site import Site

pytestmark = pytest.mark.real_time

Talk = Callable[[Hub, Path], Awaitable[None]]


def with_hub(folder: Path, talk: Talk) -> None:
    """Hold a conversation with a hub that really listens; afterwards nothing of it may be left in the loop."""

    async def hold() -> None:
        site = Site(folder, "Test", ZoneInfo("UTC"), {}, ballast_mb=0)
        hub = Hub(site, SystemClock(), SystemIds(), found=[])
        await hub.start()
        register(hub)
        try:
            await talk(hub, site.socket)
        finally:
            await hub.stop()
        others = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert others == []

    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(hold())


def register(hub: Hub) -> None:
    async def who(call: Call) -> object:
        return {"actor": call.principal.actor, "data": dict(call.data), "context": call.context.actor}

    async def slow(call: Call) -> object:
        await asyncio.sleep(0.2)
        return "slow"

    async def big(call: Call) -> object:
        return "x" * int(call.data["size"])

    async def odd(call: Call) -> object:
        return object()

    async def broken(call: Call) -> object:
        raise KeyError("a bug")

    for name, handler in (("who", who), ("slow", slow), ("big", big), ("odd", odd), ("broken", broken)):
        hub.kernel.actions.register(
            f"test.{name}", handler, owner="test", effect=Effect.LEVEL, description="For tests."
        )


async def raw(path: Path, *lines: bytes, ends: bool = True) -> list[dict[str, Any]]:
    """Send these bytes, and hear all that comes until the hub hangs up."""
    reader, writer = await asyncio.open_unix_connection(path, limit=64_000_000)
    for line in lines:
        writer.write(line)
    if ends:
        writer.write_eof()
    async with asyncio.timeout(20):
        heard = await reader.read()
    writer.close()
    await writer.wait_closed()
    return [json.loads(line) for line in heard.splitlines()]


def test_the_caller_is_the_user_of_the_operating_system(tmp_path: Path) -> None:
    async def talk(hub: Hub, path: Path) -> None:
        async with Client(path) as client:
            answer = await client.call("test.who", {"amount": Decimal("0.10"), "n": 3})
        actor = f"os:{getpass.getuser()}"
        assert answer == {"actor": actor, "context": actor, "data": {"amount": Decimal("0.10"), "n": 3}}

    with_hub(tmp_path, talk)


def test_the_socket_is_for_its_owner_alone_and_goes_with_the_hub(tmp_path: Path) -> None:
    async def talk(hub: Hub, path: Path) -> None:
        mode = path.stat().st_mode  # noqa: ASYNC240 - moments
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600

    with_hub(tmp_path, talk)
    assert not (tmp_path / "data/hub.sock").exists()


def test_a_folder_with_a_long_name_has_a_socket_too(tmp_path: Path) -> None:
    async def talk(hub: Hub, path: Path) -> None:
        assert len(str(path)) > 200
        async with Client(path) as client:
            assert (await client.query("hub.info"))["site"] == "Test"

    with_hub(tmp_path / ("a" * 120) / ("b" * 120), talk)


def test_a_socket_left_by_a_dead_hub_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "data/hub.sock"))
    dead.close()

    async def talk(hub: Hub, path: Path) -> None:
        async with Client(path) as client:
            assert await client.query("entity.list") == []

    with_hub(tmp_path, talk)


BAD_LINES = [
    ("no JSON", b"hello\n", None, "one JSON object on one line"),
    ("no UTF-8", b"\xff\xfe\n", None, "one JSON object on one line"),
    ("a list", b"[1,2]\n", None, "one JSON object on one line"),
    ("half a line", b'{"id":1,"op":"que', None, "one JSON object on one line"),
    ("very deep", b"[" * 100_000 + b"\n", None, "one JSON object on one line"),
    ("a tag with nonsense", b'{"id":1,"x":{"$decimal":"ten"}}\n', None, "one JSON object on one line"),
    ("a tag of another type", b'{"id":1,"x":{"$datetime":5}}\n', None, "one JSON object on one line"),
    ("too long", b'{"x":"' + b"y" * 1_100_000 + b'"}\n', None, "at most 1000000 bytes"),
    ("an id that is a list", b'{"id":[1],"op":"query"}\n', None, "id is a whole number or a text"),
    ("an id that is no number", b'{"id":NaN,"op":"x"}\n', None, "id is a whole number or a text"),
    ("no op", b'{"id":1}\n', 1, "unknown op None"),
    ("an op that is a mapping", b'{"id":1,"op":{}}\n', 1, "unknown op {}"),
    ("an unknown query", b'{"id":2,"op":"query","name":"entity.lst"}\n', 2, "Did you mean 'entity.list'?"),
    ("a name that is a number", b'{"id":3,"op":"query","name":5}\n', 3, "needs 'name' as text"),
    ("params that are a list", b'{"id":4,"op":"query","name":"hub.info","params":[1]}\n', 4, "'params' must be"),
    ("data that is text", b'{"id":5,"op":"call","action":"test.who","data":""}\n', 5, "'data' must be a mapping"),
    ("a key that is a number", b'{"id":6,"op":"call","action":"test.who","key":7}\n', 6, "needs 'key' as text"),
    ("an unknown policy", b'{"id":7,"op":"call","action":"test.who","on_unknown":"x"}\n', 7, "repeat or skip"),
    ("nothing to subscribe to", b'{"id":8,"op":"subscribe","what":"x"}\n', 8, "there are states and plugins"),
    ("a pattern that is text", b'{"id":9,"op":"subscribe","what":"states","match":"*"}\n', 9, "list of patterns"),
    ("a result that is no JSON", b'{"id":10,"op":"call","action":"test.odd"}\n', 10, "cannot be recorded"),
    ("a bug in the handler", b'{"id":"a","op":"call","action":"test.broken"}\n', "a", "a bug"),
    ("a lone surrogate", b'{"id":11,"op":"query","name":"\\ud800"}\n', 11, "there is no query"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "line", "number", "said"), BAD_LINES, ids=[row[0] for row in BAD_LINES])
def test_a_bad_request_is_answered_and_harms_nobody(
    tmp_path: Path, case: str, line: bytes, number: object, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk(hub: Hub, path: Path) -> None:
        (answer,) = await raw(path, line)
        assert (answer["id"], answer["ok"]) == (number, False)
        assert said in answer["error"]["message"]
        async with Client(path) as client:  # and the next one is served
            assert await client.query("entity.list") == []

    with caplog.at_level(logging.WARNING):
        with_hub(tmp_path, talk)
    unexpected = [record.getMessage() for record in caplog.records if record.exc_info or record.name == "asyncio"]
    assert unexpected == ([f"request {'call'!r} failed"] if number in ("a", 10) else [])


def test_unsubscribing_what_never_was_is_no_error(tmp_path: Path) -> None:
    async def talk(hub: Hub, path: Path) -> None:
        answers = await raw(path, b'{"id":1,"op":"unsubscribe","subscription":[]}\n{"id":2,"op":"unsubscribe"}\n')
        assert [answer["result"] for answer in answers] == [False, False]

    with_hub(tmp_path, talk)


def test_answers_come_even_when_the_client_has_said_its_last_word(tmp_path: Path) -> None:
    async def talk(hub: Hub, path: Path) -> None:
        answers = await raw(
            path, b'{"id":1,"op":"call","action":"test.slow"}\n{"id":2,"op":"query","name":"hub.info"}\n'
        )
        assert [answer["id"] for answer in answers] == [2, 1]  # a slow one holds up nobody

    with_hub(tmp_path, talk)


def test_a_hundred_connections_are_served_and_the_bound_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "CONNECTIONS_MAX", 100)

    async def ask(path: Path) -> str:
        async with Client(path) as client:
            answer = await client.query("hub.info")
            await asyncio.sleep(0.3)  # all are there at once
            return str(answer["site"])

    async def talk(hub: Hub, path: Path) -> None:
        asking = [asyncio.ensure_future(ask(path)) for _ in range(100)]
        await asyncio.sleep(0.2)
        (refusal,) = await raw(path, ends=False)
        assert "at most 100 clients at once" in refusal["error"]["message"]
        assert await asyncio.gather(*asking) == ["Test"] * 100
        assert await ask(path) == "Test"

    with_hub(tmp_path, talk)


def test_a_client_that_does_not_read_is_cut_off_and_the_hub_stays_quick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "BACKLOG_BYTES_MAX", 1_000_000)
    monkeypatch.setattr(server_module, "HANG_UP_S", 0.1)

    async def talk(hub: Hub, path: Path) -> None:
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(str(path))
        for number in range(40):
            deaf.sendall(b'{"id":%d,"op":"call","action":"test.big","data":{"size":200000}}\n' % number)
        async with Client(path) as client:
            for _ in range(20):
                async with asyncio.timeout(1):
                    assert await client.call("test.big", {"size": 5}) == "xxxxx"
        async with asyncio.timeout(5):
            while "does not read" not in caplog.text:  # noqa: ASYNC110 - the log is all that tells
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert caplog.text.count("does not read") == 1
        deaf.settimeout(2)
        with suppress(ConnectionResetError):
            while deaf.recv(1_000_000):  # what was on its way; then the line is dead
                pass
        deaf.close()

    with_hub(tmp_path, talk)


def test_a_client_that_does_not_read_holds_up_no_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "HANG_UP_S", 0.1)
    deaf = socket.socket(socket.AF_UNIX)

    async def talk(hub: Hub, path: Path) -> None:
        deaf.connect(str(path))
        deaf.sendall(b'{"id":1,"op":"call","action":"test.big","data":{"size":5000000}}\n')
        await asyncio.sleep(0.1)
        async with asyncio.timeout(3):
            await hub.stop()

    with_hub(tmp_path, talk)
    deaf.close()


def test_a_subscriber_hears_what_it_asked_for_until_the_hub_stops(tmp_path: Path) -> None:
    async def talk(hub: Hub, path: Path) -> None:
        async with Client(path) as client:
            events = client.subscribe("states", ["sensor.shop_*"])
            hearing = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0.1)
            hub.kernel.states.set("sensor.other", 1)
            hub.kernel.states.set("sensor.shop_1", Decimal("2.50"), unit="kWh")
            event = await hearing
            assert (event["entity_id"], event["state"]["value"]) == ("sensor.shop_1", Decimal("2.50"))
            hearing = asyncio.ensure_future(anext(events))
            await hub.stop()
            with pytest.raises(HungUp, match="hung up"):
                await hearing

    with_hub(tmp_path, talk)


def test_subscriptions_end_with_their_connection(tmp_path: Path) -> None:
    async def talk(hub: Hub, path: Path) -> None:
        await raw(path, b'{"id":1,"op":"subscribe","what":"states"}\n{"id":2,"op":"subscribe","what":"plugins"}\n')
        assert hub.kernel.bus.listeners_of("control") == []

    with_hub(tmp_path, talk)


def test_a_call_under_way_is_finished_when_the_hub_stops(tmp_path: Path) -> None:
    async def talk(hub: Hub, path: Path) -> None:
        async with Client(path) as client:
            calling = asyncio.ensure_future(client.call("test.slow"))
            await asyncio.sleep(0.05)
            await hub.stop()
            assert await calling == "slow"

    with_hub(tmp_path, talk)


def test_a_refusal_carries_the_name_of_the_error(tmp_path: Path) -> None:
    async def talk(hub: Hub, path: Path) -> None:
        async with Client(path) as client:
            with pytest.raises(RemoteError, match=r"Did you mean 'test\.who'") as refused:
                await client.call("test.whoo")
            assert refused.value.kind == "NotFound"

    with_hub(tmp_path, talk)


@pytest.mark.parametrize("case", ["no folder", "a socket that nobody listens on"])
def test_without_a_hub_the_client_says_how_to_start_one(tmp_path: Path, case: str) -> None:
    path = tmp_path / "hub.sock"
    if case != "no folder":
        left = socket.socket(socket.AF_UNIX)
        left.bind(str(path))
        left.close()

    async def talk() -> None:
        async with Client(path):
            raise AssertionError("nobody listens")

    with pytest.raises(NoHub, match=r"start it with `hub run`"):
        asyncio.run(talk())


def test_open_files_do_not_pile_up(tmp_path: Path) -> None:
    async def talk(hub: Hub, path: Path) -> None:
        await raw(path, b"x\n")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            await raw(path, b"x\n")
        await asyncio.sleep(0.05)
        assert len(os.listdir("/proc/self/fd")) <= before + 1

    with_hub(tmp_path, talk)
