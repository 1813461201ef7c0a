"""The rule engine with real clock, threads and files: every crossing is one run, and every run comes to its end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

from records import Records
from rules_site import HIGH, RULES, SCRIPTS, SENSORS, SENT, SET, STEPS, Automation, Far, Outside

from hub.core.clock import SystemClock
from hub.core.hub import Hub
from hub.core.ids import SystemIds
from hub.core.plugins import Found
from hub.core.site import Site
from hub.core.storage import Reader

NAME = "rules"
ROOTS = ("hub",)
DRAIN_S = 20.0


def hits_max(point: str) -> int:
    """Up to which passage of a point a death is interesting."""
    return 12


def prepare(folder: Path, number: int) -> None:
    """The rules."""
    folder.mkdir(exist_ok=True)
    for name, text in (("automations.yaml", RULES), ("scripts.yaml", SCRIPTS)):
        (folder / name).write_text(text)


def live(folder: Path, number: int, *, is_last: bool) -> None:
    """One life: take the sensors up where they stood, and cross until death (or, the last time, to the end)."""
    records = Outside.records = Records(folder)
    for text in violations(folder, records, is_over=False):
        records.violation(f"life {number}: {text}")
    asyncio.run(_live(folder, number, records, is_last))
    if is_last:
        for text in violations(folder, records, is_over=True):
            records.violation(f"at the end: {text}")


async def _live(folder: Path, number: int, records: Records, is_last: bool) -> None:
    site = Site(folder, "Rules", ZoneInfo("UTC"), {}, ballast_mb=0)
    found = [Found(plugin.manifest.name, "test", plugin, is_ours=True) for plugin in (Far, Automation)]
    hub = Hub(site, SystemClock(), SystemIds(), found=found)
    Outside.kernel = hub.kernel
    for sensor in SENSORS:
        hub.kernel.states.set(sensor, _last_value(records, sensor))
    await hub.start()
    await Outside.engine.settled()
    for key in set(records.asked) - set(records.answered):
        records.answer(key, "settled")  # the value that was on its way is there now, and was looked at
    rounds = 3 if is_last else 1_000_000
    await asyncio.gather(*(_cross(hub, records, sensor, number, rounds) for sensor in SENSORS))
    if is_last:
        async with asyncio.timeout(DRAIN_S):
            while await hub.kernel.db.read(_under_way, owner="automation") or await hub.kernel.db.read(_pending):
                await hub.kernel.clock.sleep(0.005)
    await hub.stop()


async def _cross(hub: Hub, records: Records, sensor: str, life: int, rounds: int) -> None:
    """Let one sensor cross the bound again and again."""
    for number in range(rounds):
        for value in (HIGH, -((life * 100_000 + number) * len(SENSORS) + SENSORS.index(sensor) + 1)):
            key = f"{sensor} {value} {life}-{number}"
            records.ask(key, sensor, value=value)
            hub.kernel.states.set(sensor, value)
            await Outside.engine.settled()
            records.answer(key, "settled")
            await hub.kernel.clock.sleep(0.004)


def _last_value(records: Records, sensor: str) -> int:
    values = [asked["value"] for asked in records.asked.values() if asked["kind"] == sensor]
    return int(values[-1]) if values else HIGH


def _under_way(reader: Reader) -> object:
    return reader.value("SELECT count(*) FROM automation__runs")


def _pending(reader: Reader) -> object:
    return reader.value("SELECT count(*) FROM core__outbox WHERE state = 'pending'")


def violations(folder: Path, records: Records, *, is_over: bool) -> Iterator[str]:
    """Every broken promise that the file shows; at the end everything must have been done."""
    path = folder / "data" / "hub.db"
    if not path.exists() or path.stat().st_size == 0:
        return
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
        if file.execute("SELECT 1 FROM sqlite_schema WHERE name = 'far__notes'").fetchone() is None:
            return
        notes = file.execute("SELECT n, step, key FROM far__notes ORDER BY rowid").fetchall()
        messages = file.execute(
            "SELECT json_extract(payload, '$.data.n'), json_extract(payload, '$.data.step') FROM core__outbox"
            " WHERE topic = 'action:far.send'"
        ).fetchall()
    crossed = {asked["value"] for asked in records.asked.values() if asked["value"] < 0}
    yield from _done_twice(notes, messages)
    strangers = {n for n, _, _ in notes} - crossed
    if strangers:
        yield f"runs without a crossing: {sorted(strangers)[:3]}"
    yield from _keys(records)
    if is_over:
        yield from _not_done(crossed, notes, messages, records)


def _done_twice(notes: list[tuple[int, str, str]], messages: list[tuple[int, str]]) -> Iterator[str]:
    for what, found in (("noted", [note[:2] for note in notes]), ("sent", messages)):
        twice = [place for place, times in Counter(found).items() if times > 1]
        if twice:
            yield f"{what} more than once: {twice[:3]}"
    order = {step: place for place, step in enumerate(("begin", "inside", "end"))}
    last: dict[int, int] = {}
    for n, step, _ in notes:
        if order[step] < last.get(n, 0):
            yield f"{n}: {step} came too late"
        last[n] = order[step]


def _keys(records: Records) -> Iterator[str]:
    keys: dict[str, set[str]] = {}
    for kind, key in records.far:
        if kind == "trip begun":
            n, _, call_key = key.partition(" ")
            keys.setdefault(n, set()).add(call_key)
    several = {n: found for n, found in keys.items() if len(found) > 1}
    if several:
        yield f"trips made again under another key: {list(several.items())[:2]}"


def _not_done(
    crossed: set[int], notes: list[tuple[int, str, str]], messages: list[tuple[int, str]], records: Records
) -> Iterator[str]:
    done: dict[int, set[str]] = {n: set() for n in crossed}
    for n, step, _ in notes:
        done.setdefault(n, set()).add(step)
    for n, step in messages:
        done.setdefault(n, set()).add(step)
    for kind, key in records.far:
        if kind in SET or kind == "trip":
            done.setdefault(int(key), set()).add(kind)
    lacking = {n: (STEPS | SENT | SET | {"trip"}) - found for n, found in done.items()}
    lost = {n: steps for n, steps in lacking.items() if steps}
    if lost:
        yield f"{len(lost)} of {len(crossed)} crossings came to no end: {list(lost.items())[:3]}"
