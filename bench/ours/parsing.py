"""Configuration: rules and a file of meters, read with the place of every node, all checks on."""

from __future__ import annotations

import time
from pathlib import Path

from bench import yaml_texts
from bench.ours.running import Figures
from bench.timing import Params, folder, whole
from hub.core.config import ConfigList, load


def rules(params: Params) -> Figures:
    """A file of rules."""
    return _parse(folder(params) / "rules.yaml", yaml_texts.rules(whole(params, "count")), params)


def meters(params: Params) -> Figures:
    """A file of meters."""
    return _parse(folder(params) / "meters.yaml", yaml_texts.meters(whole(params, "count")), params)


def _parse(path: Path, text: str, params: Params) -> Figures:
    path.write_text(text)
    best_s = float("inf")
    for _ in range(whole(params, "repetitions")):
        began = time.perf_counter()
        loaded = load(path)
        best_s = min(best_s, time.perf_counter() - began)
        assert isinstance(loaded.value, ConfigList)
        assert len(loaded.value) == whole(params, "count")
        assert loaded.value.value_mark(1) is not None
    return {"parse_ms": best_s * 1e3}
