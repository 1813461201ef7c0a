"""The answer to `modbus.status`: all that is known of the buses and their meters, as plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice

from hub.contracts.links import Failure
from hub.core.clock import from_us
from hub.core.config import did_you_mean
from hub.core.errors import NotFound
from plugins.kpm_modbus.answers import MeterAnswers
from plugins.kpm_modbus.bus_figures import BusFigures, age_s
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.wire.record import FRAMES_KEPT, WireRecord

GROUPS_WITH_PERIODS = ("fast", "normal", "slow")


def status_of(
    buses: Sequence[BusFigures], wanted: str | None, frames: int, *, now_us: int, now_s: float
) -> list[dict[str, object]]:
    """All buses, or the one that is wanted, with so many of their last frames; raises `NotFound`."""
    names = [figures.worker.bus for figures in buses]
    if wanted is not None and wanted not in names:
        hint = did_you_mean(wanted, names) or f" There are: {', '.join(names)}."
        raise NotFound(f"there is no bus {wanted!r}.{hint}")
    return [
        _bus(figures, frames, now_us=now_us, now_s=now_s)
        for figures in buses
        if wanted is None or figures.worker.bus == wanted
    ]


def _bus(figures: BusFigures, frames: int, *, now_us: int, now_s: float) -> dict[str, object]:
    worker, health = figures.worker, figures.worker.health
    elapsed_s = now_s - health.since_s
    problems = figures.problems()
    record = figures.link.record
    return {
        "bus": worker.bus,
        "link": figures.link.url,
        "is_healthy": not problems,
        "problems": problems,
        "watched_s": _rounded(elapsed_s, 1),
        "seconds": {
            "wire": _rounded(health.wire_s),
            "turn": _rounded(health.turn_s),
            "gap": _rounded(health.gap_s),
            "waste": _rounded(health.waste_s),
            "idle": _rounded(max(0.0, elapsed_s - health.good_s - health.waste_s)),
        },
        "load": _rounded(figures.load),
        "load_since_start": _rounded(health.load(now_s)),
        "planned_load": _rounded(worker.planned_load),
        "periods_s": {group: _rounded(worker.period_s(group)) for group in GROUPS_WITH_PERIODS},
        "stretched": {group: _rounded(factor, 2) for group, factor in figures.stretched.items()},
        "efficiency": _rounded(health.efficiency) if health.good_s else None,
        "polls": {"done": health.polls_done, "missed": health.polls_missed},
        "lateness_s": {
            "p50": _rounded(health.lateness_quantile_s(0.5)),
            "p99": _rounded(health.lateness_quantile_s(0.99)),
        },
        "transactions": health.transactions,
        "errors": _counted(health.failures),
        "wire": None if record is None else _wire(record),
        "meters": [_meter(device, figures.link.answers.get(device.unit), now_us) for device in worker.devices],
        "frames": [] if record is None else _frames(record, frames),
    }


def _meter(device: Device, answers: MeterAnswers | None, now_us: int) -> dict[str, object]:
    answers = answers or MeterAnswers()
    turns = device.turns if device.turns.last_us else None
    return {
        "meter": device.meter,
        "points": list(device.points),
        "unit": device.unit,
        "profile": device.profile.id,
        "serial": device.serial,
        "liveness": device.liveness.value,
        "quarantined_for": device.quarantined_for,
        "signal": _rounded(answers.signal),
        "asked": answers.asked,
        "answered": answers.good,
        "errors": _counted(answers.failures),
        "answer_s": {
            "p50": None if turns is None else _rounded(turns.quantile_s(0.5, 0.0), 4),
            "p99": None if turns is None else _rounded(turns.quantile_s(0.99, 0.0), 4),
        },
        "age_s": _rounded(age_s(device, now_us), 1),
        "last_good": None if device.last_good_us is None else from_us(device.last_good_us),
    }


def _wire(record: WireRecord) -> dict[str, object]:
    return {
        "answers": record.answers,
        "connects": record.connects,
        "stray_bytes": record.stray_bytes,
        "foreign_frames": record.foreign_frames,
        "echoes": record.echoes,
        "late_replies": record.late_replies,
        "unasked_bytes": record.unasked_bytes,
        "has_another_master": record.has_another_master,
    }


def _frames(record: WireRecord, count: int) -> list[dict[str, object]]:
    """The last frames, the oldest first."""
    skipped = max(0, len(record.frames) - min(count, FRAMES_KEPT))
    return [
        {
            "at": from_us(note.at_us),
            "direction": note.direction,
            "verdict": note.verdict,
            "frame": note.frame.hex(" ").upper(),
        }
        for note in islice(record.frames, skipped, None)
    ]


def _counted(failures: Counter[Failure]) -> Mapping[str, int]:
    return {failure.value: count for failure, count in failures.most_common()}


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)
