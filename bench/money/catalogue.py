"""The measurements of money, with the bars of its design."""

from __future__ import annotations

from bench.arithmetic import AtLeast, AtLeastPeer, AtMost, Better
from bench.measurement import Line, Measurement

MONEY: tuple[Measurement, ...] = (
    Measurement(
        "ledger.postings",
        "bench.money.postings:durable",
        {"clients": 512, "writes": 51_200},
        {"clients": 512, "writes": 5_120},
        (Line("durable ledger entries of 2 postings, 512 clients", "entries_per_s", "/s", bar=AtLeastPeer(0.5)),),
        plain="bench.peers.sqlite_ledger:durable",
        plain_name="plain sqlite3",
        handed_on=("writes", "groups"),
        needs_disk=True,
    ),
    Measurement(
        "ledger.verify",
        "bench.money.postings:verification",
        {"entries": 50_000, "accounts": 1_000},
        {"entries": 3_000, "accounts": 100},
        (
            Line("ledger verified, chain and sums", "postings_per_s", "/s", bar=AtLeast(100_000, "/s")),
            Line("longest page of it", "page_max_ms", "ms", Better.LESS, AtMost(50, "ms")),
            Line("verified from the last checkpoint at a start", "at_start_ms", "ms", Better.LESS),
            Line("bytes of an entry", "bytes_per_entry", "B", Better.LESS),
        ),
        rounds_max=1,
    ),
    Measurement(
        "charging.every_reading",
        "bench.money.charging:every_reading",
        {"meters": 500, "rounds": 30, "period_s": 10},
        {"meters": 50, "rounds": 4, "period_s": 10},
        (Line("readings, gate to balance, all posted", "per_s", "/s", bar=AtLeast(5_000, "/s")),),
    ),
    Measurement(
        "charging.default_grid",
        "bench.money.charging:default_grid",
        {"meters": 40, "rounds": 1_440, "period_s": 60},
        {"meters": 10, "rounds": 70, "period_s": 60},
        (
            Line("the same on the grid of an hour", "per_s", "/s"),
            Line("journal entries of a meter and day", "entries_per_day", "", Better.LESS, AtMost(40, "")),
            Line("bytes of a meter and day", "bytes_per_day", "B", Better.LESS, AtMost(25_000, "B")),
        ),
        rounds_max=1,
    ),
)
