"""The field layer's measurements, with the bars of its design; one bus is 9600 8E1 with a turn-around of 20 ms."""

from __future__ import annotations

from bench.arithmetic import AtLeast, AtMost, Better
from bench.measurement import Line, Measurement

_NEAR_THE_LIMIT = AtLeast(0.95, "of 1/T(60)")
_HALL = {"meters": 32}


def _wire(name: str, where: str, span_s: int, rounds_max: int) -> Measurement:
    return Measurement(
        f"field.wire_{name}",
        f"bench.field.wire:{name}",
        {**_HALL, "span_s": span_s},
        {**_HALL, "span_s": 4},
        (
            Line(f"32 meters, reads of 60, {where}", "share", "of 1/T(60)", bar=_NEAR_THE_LIMIT),
            Line(f"the same, transactions, {where}", "per_s", "/s"),
            *((Line("T(60), the physical limit", "limit_ms", "ms", Better.LESS),) if name == "virtual" else ()),
        ),
        rounds_max=rounds_max,
    )


def _commands(name: str, work: str, where: str, first_byte_limit_s: float) -> Measurement:
    first_byte, confirmed = AtMost(first_byte_limit_s, "s"), AtMost(1.0, "s")
    return Measurement(
        f"field.{name}",
        f"bench.field.commands:{work}",
        {**_HALL, "turns": 250},
        {**_HALL, "turns": 10},
        (
            Line(f"restore to first byte, p99, {where}", "close_first_byte_s", "s", Better.LESS, first_byte),
            Line(f"open to first byte, p99, {where}", "open_first_byte_s", "s", Better.LESS, first_byte),
            Line(f"restore confirmed, p99, {where}", "close_confirmed_s", "s", Better.LESS, confirmed),
            Line(f"open confirmed, p99, {where}", "open_confirmed_s", "s", Better.LESS, confirmed),
        ),
        rounds_max=1,
    )


def _processor(work: str, title: str, *, has_many: bool = True) -> Measurement:
    many = (Line(f"CPU of a transaction, {title}, 50 links", "many_us", "us", Better.LESS),) if has_many else ()
    return Measurement(
        f"field.cpu_{work}",
        f"bench.field.processor:{work}",
        {"transactions": 3_000, "links": 50},
        {"transactions": 500, "links": 50},
        (Line(f"CPU of a transaction, {title}", "one_us", "us", Better.LESS), *many),
        plain=f"bench.peers.bare_asyncio:{work}",
        plain_name="bare asyncio",
    )


FIELD: tuple[Measurement, ...] = (
    _wire("virtual", "virtual time", 60, 1),
    _wire("pty", "pseudo-terminal", 22, 3),
    _wire("tcp", "RTU over TCP", 22, 3),
    Measurement(
        "field.planner",
        "bench.field.planning:planned",
        {},
        {},
        (
            Line(
                "44 values planned, gaps forbidden, beside value by value", "times_faster", "x", bar=AtLeast(6, "x")
            ),
            Line("the same, the gap proven and no limit for commands", "times_faster_joined", "x"),
            Line("44 values value by value", "single_ms", "ms", Better.LESS),
            Line("44 values planned, gaps forbidden", "planned_ms", "ms", Better.LESS),
            Line("44 values planned, the gap proven", "joined_ms", "ms", Better.LESS),
        ),
        rounds_max=1,
    ),
    Measurement(
        "field.some_dead",
        "bench.field.dead_meters:some",
        {**_HALL, "span_s": 1_800},
        {**_HALL, "span_s": 120},
        (
            Line("live polls done, 3 of 32 fall silent", "done_percent", "%", bar=AtLeast(99, "%")),
            Line("longest gap of a live meter", "longest_gap", "periods", Better.LESS, AtMost(1.2, "periods")),
        ),
        rounds_max=1,
    ),
    Measurement(
        "field.all_dead",
        "bench.field.dead_meters:all_and_back",
        {**_HALL, "turns": 10},
        {**_HALL, "turns": 1},
        (Line("all silent for 10 minutes, all back after", "all_back_s", "s", Better.LESS, AtMost(60, "s")),),
        rounds_max=1,
    ),
    _commands("commands", "healthy", "all answer", 0.3),
    _commands("commands_some_dead", "with_dead", "3 of 32 dead", 0.7),
    _processor("tcp", "Modbus TCP"),
    _processor("tcp_rtu", "RTU over TCP"),
    _processor("serial", "RTU on a pty", has_many=False),
    Measurement(
        "field_load.one_bus",
        "bench.field.many:one_bus",
        {"meters": 50, "buses": 1, "period_s": 10, "settle_s": 22, "span_s": 40},
        {"meters": 8, "buses": 1, "period_s": 2, "settle_s": 3, "span_s": 4},
        (
            Line("50 meters, 60 registers each 10 s: polls on time", "on_time_percent", "%"),
            Line("50 meters, 60 registers: polls", "polls_per_s", "/s"),
            Line("50 meters, 60 registers: one core", "cpu_percent", "%", Better.LESS),
            Line("50 meters, 60 registers: CPU of a poll", "cpu_ms_per_poll", "ms", Better.LESS),
            Line("50 meters, 1,500 entities: set up", "started_s", "s", Better.LESS),
            Line("50 meters, 1,500 entities: resident", "resident_mb", "MB", Better.LESS),
        ),
        home_assistant="bench.peers.home_assistant.modbus:one_bus",
        rounds_max=1,
        is_heavy=True,
    ),
    Measurement(
        "field_load.many_buses",
        "bench.field.many:many_buses",
        {"meters": 50, "buses": 200, "period_s": 10, "settle_s": 90, "span_s": 40},
        {"meters": 4, "buses": 4, "period_s": 2, "settle_s": 4, "span_s": 4},
        (
            Line("10,000 meters each 10 s: polls on time", "on_time_percent", "%", bar=AtLeast(100, "%")),
            Line("10,000 meters: transactions", "polls_per_s", "/s"),
            Line("10,000 meters: one core", "cpu_percent", "%", Better.LESS),
            Line("10,000 meters: CPU of a transaction", "cpu_ms_per_poll", "ms", Better.LESS),
            Line("10,000 meters: lateness, p99", "late_p99_s", "s", Better.LESS),
            Line("10,000 meters: set up", "started_s", "s", Better.LESS),
            Line("10,000 meters: resident", "resident_mb", "MB", Better.LESS),
        ),
        rounds_max=1,
        is_heavy=True,
    ),
    Measurement(
        "field_load.mutated_frames",
        "bench.field.hostile:mutated",
        {"frames": 1_000_000},
        {"frames": 10_000},
        (
            Line(
                "mutated frames taken for right, of a million",
                "wrong_per_million",
                "frames",
                Better.LESS,
                AtMost(30, "frames"),
            ),
            Line("mutated frames whose reply was still found", "right_percent", "%"),
        ),
        rounds_max=1,
        is_heavy=True,
    ),
    Measurement(
        "field_load.hostile_reads",
        "bench.field.hostile:reads",
        {"reads": 100_000},
        {"reads": 2_000},
        (
            Line(
                "100,000 reads on a hostile bus: wrong values", "wrong", "values", Better.LESS, AtMost(0, "values")
            ),
            Line("reads on a hostile bus that gave a value", "right_percent", "%"),
        ),
        rounds_max=1,
        is_heavy=True,
    ),
)
