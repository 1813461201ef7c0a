"""Everything that is measured: which work, against whom, in which size, and the bar from the design."""

from __future__ import annotations

from bench.arithmetic import AtLeastPeer, AtMost, Bar, Better
from bench.field.catalogue import FIELD
from bench.measurement import Line, Measurement
from bench.money.catalogue import MONEY

STATE_SIZES = {"entities": 10_000, "trackers": 1_000, "passes": 5, "repetitions": 5}
STATE_QUICK = {"entities": 1_000, "trackers": 100, "passes": 5, "repetitions": 1}


def _states(name: str, title: str, bar: Bar | None = None) -> Measurement:
    return Measurement(
        f"states.{name}",
        f"bench.ours.states:{name}",
        STATE_SIZES,
        STATE_QUICK,
        (Line(title, "writes_per_s", "/s", bar=bar),),
        home_assistant=f"bench.peers.home_assistant.states:{name}",
    )


def _actions(name: str, title: str) -> Measurement:
    return Measurement(
        f"actions.{name}",
        f"bench.ours.actions:{name}",
        {"calls": 50_000, "repetitions": 5},
        {"calls": 2_000, "repetitions": 1},
        (
            Line(title, "calls_per_s", "/s", peer_figure="coroutine_calls_per_s"),
            Line(f"{title} (peer: callback handler)", "calls_per_s", "/s", peer_figure="callback_calls_per_s"),
        ),
        home_assistant=f"bench.peers.home_assistant.actions:{name}",
    )


def _commits(name: str, work: str, title: str, clients: int, writes: int, quick_writes: int) -> Measurement:
    half = AtLeastPeer(0.5)
    return Measurement(
        f"durable.{name}",
        f"bench.ours.durable:{work}",
        {"clients": clients, "writes": writes},
        {"clients": clients, "writes": quick_writes},
        (
            Line(title, "writes_per_s", "/s", bar=half, peer_figure="with_changes_per_s"),
            Line(f"{title} (peer: no change rows)", "writes_per_s", "/s", peer_figure="rows_only_per_s"),
        ),
        plain=f"bench.peers.sqlite:{work}",
        plain_name="plain sqlite3",
        handed_on=("writes", "groups"),
        needs_disk=True,
    )


MEASUREMENTS: tuple[Measurement, ...] = (
    _states("no_listener", "state writes, no listener", AtLeastPeer(1.5)),
    _states("one_listener", "state writes, 1 listener of all"),
    _states("keyed_trackers", "state writes, 1,000 keyed trackers", AtLeastPeer(2.0)),
    _states("same_value", "state writes, the same value"),
    _actions("plain", "action calls, no schema"),
    _actions("with_schema", "action calls, 2-field schema"),
    Measurement(
        "memory.resident",
        "bench.ours.memory:resident",
        {"entities": 10_000},
        {"entities": 2_000},
        (
            Line("process before the first entity", "process_mb", "MB", Better.LESS, AtMost(80, "MB")),
            Line("full entity, resident", "entity_kb", "KB", Better.LESS, AtMost(3, "KB")),
        ),
        home_assistant="bench.peers.home_assistant.memory:resident",
    ),
    Measurement(
        "memory.traced",
        "bench.ours.memory:traced",
        {"entities": 10_000},
        {"entities": 1_000},
        (Line("full entity, allocated by Python", "entity_kb", "KB", Better.LESS, AtMost(3, "KB")),),
        home_assistant="bench.peers.home_assistant.memory:traced",
    ),
    Measurement(
        "start",
        "bench.ours.start:start",
        {"entities": 10_000},
        {"entities": 1_000},
        (Line("start with 10,000 entities", "start_s", "s", Better.LESS, AtMost(3, "s")),),
        prepare="bench.ours.start:prepare",
        needs_disk=True,
    ),
    _commits("1", "single_rows", "durable rows, 1 client", 1, 2_000, 200),
    _commits("64", "single_rows", "durable rows, 64 clients", 64, 32_000, 3_200),
    _commits("512", "single_rows", "durable rows, 512 clients", 512, 102_400, 5_120),
    _commits("postings", "postings", "durable postings, 512 clients", 512, 51_200, 2_560),
    Measurement(
        "burst.topups",
        "bench.ours.burst:topups",
        {"journal_writes": 10_000, "repetitions": 5},
        {"journal_writes": 2_000, "repetitions": 1},
        (
            Line("top-up during 10,000 journal writes, p50", "p50_ms", "ms", Better.LESS),
            Line("top-up during 10,000 journal writes, p99", "p99_ms", "ms", Better.LESS),
            Line("top-up during 10,000 journal writes, max", "max_ms", "ms", Better.LESS, AtMost(50, "ms")),
            Line("top-up during 10,000 journal writes, worst", "worst_ms", "ms", Better.LESS),
        ),
        needs_disk=True,
    ),
    Measurement(
        "burst.loop_lag",
        "bench.ours.burst:loop_lag",
        {"journal_writes": 10_000, "repetitions": 5},
        {"journal_writes": 2_000, "repetitions": 1},
        (
            Line("loop lag in the same burst, p99", "p99_ms", "ms", Better.LESS),
            Line("loop lag in the same burst, max", "max_ms", "ms", Better.LESS, AtMost(100, "ms")),
            Line("loop lag in the same burst, worst", "worst_ms", "ms", Better.LESS),
        ),
        needs_disk=True,
    ),
    Measurement(
        "selectors",
        "bench.ours.selecting:arrivals",
        {"entities": 10_000, "selectors": 1_000},
        {"entities": 1_000, "selectors": 100},
        (
            Line("an entity arrives, 1,000 selectors", "arrival_us", "us", Better.LESS),
            Line("an entity arrives, no selector", "bare_arrival_us", "us", Better.LESS),
        ),
    ),
    Measurement(
        "config.rules",
        "bench.ours.parsing:rules",
        {"count": 300, "repetitions": 5},
        {"count": 100, "repetitions": 1},
        (Line("300 rules read, with places", "parse_ms", "ms", Better.LESS),),
        plain="bench.peers.pyyaml:rules",
        plain_name="PyYAML, C loader",
    ),
    Measurement(
        "config.meters",
        "bench.ours.parsing:meters",
        {"count": 10_000, "repetitions": 3},
        {"count": 500, "repetitions": 1},
        (Line("10,000 meters read, with places", "parse_ms", "ms", Better.LESS),),
        plain="bench.peers.pyyaml:meters",
        plain_name="PyYAML, C loader",
    ),
    Measurement(
        "virtual.timers",
        "bench.ours.virtual:wakeups",
        {"sleepers": 100, "rounds": 2_000},
        {"sleepers": 100, "rounds": 100},
        (Line("virtual loop, timers fired", "wakeups_per_s", "/s"),),
    ),
    *FIELD,
    *MONEY,
)


def chosen(names: list[str], *, with_heavy: bool = False) -> list[Measurement]:
    """The measurements whose name is given or begins with it (`states` is all of `states.*`); all for no name.

    The heavy ones are left out when nothing is named, unless they are asked for.
    """
    if not names:
        return [one for one in MEASUREMENTS if with_heavy or not one.is_heavy]
    found = [one for one in MEASUREMENTS if any(_is_meant(one.name, name) for name in names)]
    unknown = [name for name in names if not any(_is_meant(one.name, name) for one in MEASUREMENTS)]
    if unknown:
        known = ", ".join(one.name for one in MEASUREMENTS)
        raise ValueError(f"no measurement is called {', '.join(unknown)}; there are: {known}")
    return found


def _is_meant(name: str, asked: str) -> bool:
    return name == asked or name.startswith(f"{asked}.")
