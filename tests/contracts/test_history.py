"""History: one line format, exact both ways; traces that people type; files that survive a crash."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from contract_stage import Stage, play
from hypothesis import given
from hypothesis import strategies as st

from hub.contracts.axes import OffReason
from hub.contracts.custom_events import CustomEvent
from hub.contracts.history import (
    ActionLine,
    EventLine,
    Header,
    HistoryInvalid,
    HistorySource,
    Line,
    ReloadLine,
    RemovedLine,
    RestartLine,
    ResultLine,
    StateLine,
    event_line,
    state_line,
)
from hub.contracts.history_files import HistoryFile, HistoryWriter, read_lines
from hub.contracts.history_lines import decode_line, encode_line
from hub.contracts.ids import AccountId, PointId
from hub.contracts.relays import Position, RelayObserved
from hub.contracts.supply import TripAnswer, TripRequested
from hub.contracts.topups import ToppedUp
from hub.contracts.units import MinorUnits
from hub.core.bus import Bus
from hub.core.context import Context
from hub.core.states import BAD, GOOD, STALE, Quality, StateChanged, StateMachine
from hub.testing.fakes import FakeAbsent, FakeHistory, FakeRelays

START_US = 1_790_000_000_000_000
WHY = Context("c2", "user:anna", "c1")

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(),
    st.decimals(allow_nan=False, allow_infinity=False),
)  # fmt: skip
CONTEXTS = st.one_of(st.none(), st.just(WHY), st.just(Context("c1", "rule:low")))
INSTANTS = st.integers(START_US, START_US + 10**15)
NAMES = st.dictionaries(st.sampled_from(["a", "b_c", "文"]), VALUES, max_size=3)
LINES = st.one_of(
    st.builds(
        StateLine, at_us=INSTANTS, entity_id=st.just("sensor.stall_power"), value=VALUES,
        unit=st.sampled_from([None, "W"]), quality=st.sampled_from(Quality), source_us=INSTANTS,
        attributes=NAMES, context=CONTEXTS,
    ),
    st.builds(RemovedLine, at_us=INSTANTS, entity_id=st.just("sensor.stall_power")),
    st.builds(EventLine, at_us=INSTANTS, event=st.just("topped_up"), data=NAMES, context=CONTEXTS),
    st.builds(
        ActionLine, at_us=INSTANTS, action=st.just("notify.tenant"), data=NAMES,
        rule=st.sampled_from([None, "low"]), key=st.sampled_from([None, "run-1/0"]), context=CONTEXTS,
    ),
    st.builds(ResultLine, at_us=INSTANTS, action=st.just("supply.disconnect"), response=VALUES),
    st.builds(RestartLine, at_us=INSTANTS, down_us=st.integers(0, 10**15)),
    st.builds(ReloadLine, at_us=INSTANTS, file=st.text()),
)  # fmt: skip


def exactly(value: object) -> str:
    """All of a line, with 1, 1.0, True and Decimal('1.00') told apart, whatever the order of its keys."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name!r}: {exactly(value[name])}" for name in sorted(value)) + "}"
    if dataclasses.is_dataclass(value):
        parts = (f"{one.name}={exactly(getattr(value, one.name))}" for one in dataclasses.fields(value))
        return f"{type(value).__name__}({', '.join(parts)})"
    return repr(value)


@given(LINES, st.sampled_from([None, START_US]))
def test_every_line_comes_back_exactly_with_absolute_and_with_relative_time(
    line: Line, start_us: int | None
) -> None:
    text = encode_line(line, start_us=start_us)
    assert "\n" not in text
    again = decode_line(text, "here", start_us=start_us or 0)
    assert exactly(again) == exactly(line)
    assert encode_line(again, start_us=start_us) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(
            '{"t": 0, "entity_id": "sensor.a_balance", "state": 120, "attributes": {"unit": "CNY"}}',
            StateLine(
                at_us=START_US, entity_id="sensor.a_balance", value=120, source_us=START_US,
                attributes={"unit": "CNY"},
            ),
            id="a state",
        ),
        pytest.param(
            '{"t": 1.5, "entity_id": "sensor.a_balance", "state": "unavailable"}',
            StateLine(
                at_us=START_US + 1_500_000, entity_id="sensor.a_balance", value=None, quality=BAD,
                source_us=START_US + 1_500_000,
            ),
            id="unavailable is a quality",
        ),
        pytest.param(
            '{"t": 2, "entity_id": "sensor.a_balance", "state": "unknown"}',
            StateLine(
                at_us=START_US + 2_000_000, entity_id="sensor.a_balance", value=None,
                source_us=START_US + 2_000_000,
            ),
            id="unknown is no value",
        ),
        pytest.param(
            '{"t": 2, "entity_id": "sensor.a_balance", "state": null}',
            RemovedLine(at_us=START_US + 2_000_000, entity_id="sensor.a_balance"),
            id="null is removed",
        ),
        pytest.param(
            '{"t": 2, "entity_id": "sensor.a", "state": "unavailable", "quality": "good"}',
            StateLine(
                at_us=START_US + 2_000_000, entity_id="sensor.a", value="unavailable", quality=GOOD,
                source_us=START_US + 2_000_000,
            ),
            id="with a quality the value is meant as it stands",
        ),
        pytest.param(
            '{"t": 3, "event": "topped_up", "data": {"account": "anna"}}',
            EventLine(at_us=START_US + 3_000_000, event="topped_up", data={"account": "anna"}),
            id="an event",
        ),
        pytest.param(
            '{"t": 4, "restart": 90}', RestartLine(at_us=START_US + 4_000_000, down_us=90_000_000), id="a restart"
        ),
        pytest.param(
            '{"t": 5, "reload": "b.yaml"}', ReloadLine(at_us=START_US + 5_000_000, file="b.yaml"), id="a reload"
        ),
        pytest.param(
            '{"t": 6, "action_result": {"action": "supply.disconnect", "response": {"answer": "pending"}}}',
            ResultLine(at_us=START_US + 6_000_000, action="supply.disconnect", response={"answer": "pending"}),
            id="what an action answers",
        ),
        pytest.param(
            '{"t": 7, "rule": "low", "action": "notify.tenant", "data": {"n": 1}}',
            ActionLine(at_us=START_US + 7_000_000, action="notify.tenant", data={"n": 1}, rule="low"),
            id="what a replay prints",
        ),
    ],
)  # fmt: skip
def test_a_trace_that_people_type_is_a_history(text: str, line: Line) -> None:
    assert decode_line(text, "trace.jsonl:1", start_us=START_US) == line


def test_a_replay_prints_lines_with_seconds_from_its_start() -> None:
    line = ActionLine(at_us=START_US + 1_250_000, action="notify.tenant", data={"b": Decimal("0.10")}, rule="low")
    assert encode_line(line, start_us=START_US) == (
        '{"action":"notify.tenant","data":{"b":{"$decimal":"0.10"}},"rule":"low","t":1.25}'
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("{", "not a line of JSON", id="broken JSON"),
        pytest.param("[1]", "a line is one JSON object, not list", id="no object"),
        pytest.param('{"restart": 1}', "either 't' .* or 'us'", id="no time"),
        pytest.param('{"t": 0, "us": 0, "restart": 1}', "either 't' .* or 'us'", id="two times"),
        pytest.param('{"t": -1, "restart": 1}', "'t' is a number of seconds, 0 or more, not -1", id="before 0"),
        pytest.param('{"t": true, "restart": 1}', "'t' is a number", id="true is no number"),
        pytest.param('{"us": 1.5, "restart": 1}', "'us' must be a whole number, not 1.5", id="half a microsecond"),
        pytest.param('{"t": 0, "entityid": "a.b"}', "none of state, event.* Did you mean 'entity_id'", id="typo"),
        pytest.param('{"t": 0}', "it holds t", id="nothing but a time"),
        pytest.param('{"t": 0, "entity_id": "a.b"}', "a.b has no 'state'; write null", id="no state"),
        pytest.param('{"t": 0, "entity_id": "A", "state": 1}', "'A' is no entity id", id="bad entity id"),
        pytest.param('{"t": 0, "entity_id": "a.b", "state": [1]}', "state of a.b is a number, text", id="a list"),
        pytest.param(
            '{"t":0,"entity_id":"a.b","state":1,"quality":"fine"}', "'fine' is none of good", id="quality"
        ),
        pytest.param('{"t":0,"entity_id":"a.b","state":1,"atributes":{}}', "mean 'attributes'", id="unknown field"),
        pytest.param('{"t": 0, "event": "x", "data": 5}', "'data' must be an object, not 5", id="data no object"),
        pytest.param('{"t": 0, "action_result": {"response": 1}}', "'action' must be text", id="no action"),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(HistoryInvalid, match=f"^here:9: .*{complaint}"):
        decode_line(text, "here:9")


def test_changes_of_the_state_machine_become_lines(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        bus = Bus(lambda owner, name, work: None)
        states = StateMachine(bus, stage.clock)
        lines: list[Line] = []

        def note(change: StateChanged) -> None:
            lines.append(state_line(change, stage.clock.now_us()))

        bus.subscribe(StateChanged, note, owner="test")
        measured_us = stage.after_us(-3)
        states.set("sensor.a", Decimal("1.50"), unit="kWh", source_us=measured_us, context=WHY)
        await stage.clock.sleep(60)
        states.mark("sensor.a", STALE)
        states.remove("sensor.a")
        first, stale, removed = lines
        assert isinstance(first, StateLine)
        assert (first.value, first.unit, first.source_us, first.context) == (
            Decimal("1.50"), "kWh", measured_us, WHY,
        )  # fmt: skip
        assert isinstance(stale, StateLine)
        assert (stale.value, stale.quality, stale.source_us) == (Decimal("1.50"), STALE, measured_us)
        assert stale.at_us - first.at_us == 60_000_000
        assert isinstance(removed, RemovedLine)
        assert removed.at_us == stale.at_us

    play(tmp_path, scene)


def test_events_become_lines_that_rules_can_match(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        topped_up = ToppedUp(
            context=WHY, account=AccountId("anna"), amount_minor=MinorUnits(500), currency="CNY",
            balance_minor=MinorUnits(700), missing_minor=MinorUnits(0), provider="cash", attempt_id="1",
        )  # fmt: skip
        line = event_line(topped_up, START_US)
        assert (line.event, line.data["amount_minor"], line.context) == ("topped_up", 500, WHY)
        assert "context" not in line.data
        requested = TripRequested(
            point=PointId("stall"), reason=OffReason.CREDIT, answer=TripAnswer.PENDING, note=""
        )
        assert event_line(requested, START_US).data["answer"] == "pending"
        relays = FakeRelays(stage.clock)
        relays.add_relay(PointId("stall"))
        seen = event_line(RelayObserved(observed=relays.look(PointId("stall")), was=Position.OPEN), START_US)
        assert exactly(decode_line(encode_line(seen), "here")) == exactly(seen)

    play(tmp_path, scene)


HEADER = Header(start_us=START_US, site="mall", time_zone="Asia/Shanghai")


def write(path: Path, *lines: Line) -> None:
    with HistoryWriter(path, HEADER) as writer:
        for line in lines:
            writer.write(line)


def power(at_s: float, watts: int, point: str = "a") -> StateLine:
    at_us = START_US + round(at_s * 1e6)
    return StateLine(at_us=at_us, entity_id=f"sensor.{point}_power", value=watts, source_us=at_us)


def test_a_file_is_appended_to_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    odd = EventLine(at_us=START_US + 2_000_000, event="said", data={"text": "a\u2028b\nc"})
    write(path, power(1, 10), odd)
    write(path, power(3, 30))
    assert list(read_lines(path)) == [power(1, 10), odd, power(3, 30)]
    assert path.read_text().count('"history"') == 1


def test_a_torn_last_line_is_skipped_by_readers_and_cut_off_by_the_next_writer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "h.jsonl"
    write(path, power(1, 10))
    with path.open("a") as file:
        file.write(encode_line(power(2, 20))[:-9])
    assert list(read_lines(path)) == [power(1, 10)]
    assert "h.jsonl:3: the last line was cut off by a crash and is skipped" in caplog.text
    write(path, power(3, 30))
    assert list(read_lines(path)) == [power(1, 10), power(3, 30)]


def test_history_never_goes_back_though_the_wall_clock_may(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    write(path, power(10, 1), power(4, 2))
    write(path, power(5, 3))
    assert [line.at_us - START_US for line in read_lines(path)] == [10_000_000] * 3
    path.write_text('{"t": 5, "restart": 1}\n\n{"t": 4, "restart": 1}\n')
    with pytest.raises(HistoryInvalid, match=r"h\.jsonl:3: goes back by 1 s; sort the lines by time"):
        list(read_lines(path))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b'{"history": 2, "start_us": 0}\n', ":1: history version 2; .* update the hub", id="newer"),
        pytest.param(b'{"history": 1}\n', ":1: 'start_us' must be a whole number, not None", id="no start"),
        pytest.param(b'{"t": 0, "restart": 1}\n\xff\n', ":2: not UTF-8", id="not text"),
        pytest.param(b'{"t": 0, "restart": 1}\n{"t": 1\n', ":2: not a line of JSON", id="broken in the middle"),
        pytest.param(b"x" * 2_000_000, ":1: longer than 1048576 bytes", id="no history at all"),
    ],
)
def test_a_file_that_is_no_history_is_refused_with_its_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "h.jsonl"
    path.write_bytes(content)
    with pytest.raises(HistoryInvalid, match=complaint):
        list(read_lines(path))


@pytest.mark.parametrize("kind", ["file", "fake"])
def test_a_source_gives_states_at_an_instant_and_lines_between_two(tmp_path: Path, kind: str) -> None:
    lines: list[Line] = [
        power(1, 10),
        power(1, 11, "b"),
        RemovedLine(at_us=START_US + 2_000_000, entity_id="sensor.b_power"),
        RestartLine(at_us=START_US + 3_000_000, down_us=5),
        power(3, 30),
        power(4, 40),
    ]

    async def scene(stage: Stage) -> None:
        path = tmp_path / "h.jsonl"
        write(path, *lines)
        source: HistorySource = HistoryFile(path) if kind == "file" else FakeHistory(stage.clock, lines)
        assert await source.states_at(START_US + 2_000_000) == [power(1, 10), power(1, 11, "b")]
        assert await source.states_at(START_US + 2_000_000, {"sensor.b_power"}) == [power(1, 11, "b")]
        assert await source.states_at(START_US + 3_000_000) == [power(1, 10)]
        between = [line async for line in source.lines(START_US + 2_000_000, START_US + 4_000_000)]
        assert between == lines[2:5]
        named = [line async for line in source.lines(START_US, START_US + 10_000_000, {"sensor.b_power"})]
        assert named == lines[1:4]

    play(tmp_path, scene)


def test_a_fake_source_can_be_absent_and_slow(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        source = FakeHistory(stage.clock)
        source.faults.absent, source.faults.delay_s = True, 4
        with pytest.raises(FakeAbsent, match="history is absent"):
            await source.states_at(START_US)
        assert stage.clock.monotonic() == 4

    play(tmp_path, scene)


def test_an_event_without_a_class_keeps_its_own_type_and_data() -> None:
    line = event_line(CustomEvent(event_type="door_open", data={"door": "north"}), 7)
    assert (line.event, dict(line.data), line.at_us) == ("door_open", {"door": "north"}, 7)
